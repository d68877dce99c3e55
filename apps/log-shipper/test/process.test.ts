import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { aptProgram } from '@armature/servers/apt'
import { type Program, startOnTerminal, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { numbered } from './world.ts'

const programOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const main = programOf('../src/main.ts')
const publishing = programOf('./publishing-program.ts')

let folder: string
const programs: Program[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-'))
})

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const start = (file: string, args: readonly string[]): Program => startCommand(process.execPath, [file, ...args])

const startCommand = (command: string, args: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
  const program = startProgram(command, args, { env })
  programs.push(program)
  return program
}

/** Ships to a file; see `published`. */
const ship = (...args: readonly string[]): Program =>
  start(publishing, [`--messaging-url=file:${join(folder, 'published')}`, '--topic=logs.test', ...args])

const published = async (): Promise<{ id: string; text: string }[]> => {
  const path = join(folder, 'published')
  if (!existsSync(path)) return []
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  return lines.map((line) => ({ id: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }))
}

const texts = async () => (await published()).map(({ text }) => text)
const node = (script: string) => ['--', process.execPath, '-e', script]
const printing = (count: number) => `for (let i = 1; i <= ${count}; i++) console.log('line ' + i)`

describe('standard input', () => {
  test('is shipped and passed on byte by byte; at its end the process ends with 0', async () => {
    const program = ship('--log-level=silent')
    program.write(`${numbered(1, 5_000).join('\n')}\nlast`)
    program.closeInput()
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual([...numbered(1, 5_000), 'last'])
    expect(program.output()).toContain(`${numbered(1, 5_000).join('\n')}\nlast`)
  })

  test('is not passed on with -q', async () => {
    const program = ship('-q')
    program.write('a secret line\n')
    program.closeInput()
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(program.output()).not.toContain('a secret line')
    expect(await texts()).toEqual(['a secret line'])
  })

  test('is read on after a stop until it ends: the last words of the program before it', async () => {
    const program = ship('--input-grace-ms=20000')
    await program.until(/waits for lines of standard input; they go to logs\.test .*MESSAGING_URL/)
    program.signal('SIGINT')
    await program.until(/"draining"/)
    program.write('last words\n')
    program.closeInput()
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual(['last words'])
  })

  test('that does not end is left after a stop, with nothing of what was read lost', async () => {
    const program = ship()
    program.write(`${numbered(1, 2_000).join('\n')}\n`)
    await program.until(/line 2000\n/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual(numbered(1, 2_000))
  })
})

describe('a child', () => {
  test.each([0, 3])('that exits with %d: its lines are shipped and its code is passed on', async (code) => {
    const program = ship(...node(`${printing(1_000)}; process.exitCode = ${code}`))
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(await texts()).toEqual(numbered(1, 1_000))
  })

  test('that a signal ended: 128 and its number', async () => {
    const program = ship(...node(`process.kill(process.pid, 'SIGKILL')`))
    expect(await program.ended()).toEqual({ code: 137, signal: null })
  })

  test.each([
    ['no-such-command', 127, /cannot run no-such-command: there is no such command/],
    ['/dev/null', 126, /cannot run \/dev\/null: it may not be run/],
  ])('that cannot be run: %s', async (command, code, why) => {
    const program = ship('--', command)
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('gets %s and its last words are shipped', async (signal) => {
    const script = `${printing(3)}; process.on('${signal}', () => { console.log('last words'); process.exit() }); setInterval(() => {}, 1000)`
    const program = ship(...node(script))
    await program.until(/line 3\n/)
    program.signal(signal)
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual([...numbered(1, 3), 'last words'])
  })

  test('gets a Ctrl-C of the terminal once', async () => {
    const script = `process.on('SIGINT', () => { console.log('interrupted'); setTimeout(() => process.exit(), 300) }); console.log('up'); setInterval(() => {}, 1000)`
    const url = `--messaging-url=file:${join(folder, 'published')}`
    const words = [process.execPath, publishing, url, '--statsd-port=0', ...node(script)]
    const { PATH, HOME } = process.env
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    const env = { PATH, HOME, XDG_STATE_HOME: join(folder, 'state') }
    const program = startOnTerminal(`exec ${quoted.join(' ')}`, { env })
    programs.push(program)
    await program.until(/up\r?\n/)
    program.write('\x03')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual(['up', 'interrupted'])
  })

  test('that fails as it is stopped: its code is passed on', async () => {
    const script = `process.on('SIGTERM', () => process.exit(7)); console.log('up'); setInterval(() => {}, 1000)`
    const program = ship(...node(script))
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 7, signal: null })
  })

  test('that has no handler for the signal ends well', async () => {
    const program = ship(...node(`console.log('up'); setInterval(() => {}, 1000)`))
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test('that does not heed the signal is killed', async () => {
    const script = `process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1000)`
    const program = ship('--child-grace-ms=300', ...node(script))
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 137, signal: null })
    expect(await texts()).toEqual(['up', 'no'])
  })
})

describe('bug: a child that something outlives', () => {
  const shell = (script: string) => ['--', 'sh', '-c', script]

  test('its code is passed on soon, with all that it wrote', async () => {
    const program = ship(...shell(`seq 1 20000 | sed 's/^/line /'; sleep 60 2>/dev/null & exit 3`))
    expect(await program.ended(20_000)).toEqual({ code: 3, signal: null })
    expect(await texts()).toEqual(numbered(1, 20_000))
    expect(program.output()).toContain('something that it started holds its output')
  })

  test('also where that goes on writing', async () => {
    const program = ship(
      '-q',
      ...shell(`echo of the child; (while :; do echo more || exit; sleep 0.01; done) & exit 0`),
    )
    expect(await program.ended(20_000)).toEqual({ code: 0, signal: null })
    expect((await texts())[0]).toBe('of the child')
  })

  test('also where it is stopped', async () => {
    const program = ship(...shell(`sleep 60 2>/dev/null & trap 'echo last words; exit 5' TERM; echo up; wait`))
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended(20_000)).toEqual({ code: 5, signal: null })
    expect(await texts()).toEqual(['up', 'last words'])
  })

  test('not one whose output ended late, but by itself', async () => {
    const program = ship(...shell(`(sleep 0.3; echo of the grandchild) & echo of the child`))
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(await texts()).toEqual(['of the child', 'of the grandchild'])
    expect(program.output()).not.toContain('holds its output')
  })
})

describe.runIf(process.platform === 'linux')('bug: a child that may not be signalled', () => {
  /** The system refuses every signal that the shipper sends, as with a child under sudo. The tracer ends with the shipper. */
  const shipRefused = async (...args: readonly string[]): Promise<Program> => {
    const strace = await aptProgram(['strace'], 'strace', 'put strace on PATH')
    const url = `--messaging-url=file:${join(folder, 'published')}`
    const flags = ['-D', '-qq', '-o', '/dev/null', '-e', 'trace=kill', '-e', 'inject=kill:error=EPERM']
    return startCommand(strace, [...flags, process.execPath, publishing, url, '--topic=logs.test', ...args])
  }

  test('is left to itself after its grace: no crash, nothing lost of what it wrote, and the code says so', async () => {
    const program = await shipRefused(
      '--child-grace-ms=300',
      '--',
      'sh',
      '-c',
      'exec 2>/dev/null; echo up; exec sleep 600',
    )
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended(20_000)).toEqual({ code: 74, signal: null })
    expect(program.output()).toContain('sh cannot be signalled')
    expect(await texts()).toEqual(['up'])
  })

  test('but ends within it: its last words are shipped and its code is passed on', async () => {
    const program = await shipRefused('--', 'sh', '-c', 'echo up; sleep 1; echo last words; exit 6')
    await program.until(/up\n/)
    program.signal('SIGTERM')
    expect(await program.ended(20_000)).toEqual({ code: 6, signal: null })
    expect(await texts()).toEqual(['up', 'last words'])
  })
})

test('killed again and again: what was taken in is published, in order, and repeats have their ids', async () => {
  let next = 1
  for (let life = 0; life < 4; life++) {
    const program = ship()
    await program.until(/waits for lines/)
    program.write(`${numbered(next, next + 999).join('\n')}\n`)
    await program.until(new RegExp(`line ${next + 999}\n`))
    next += 1_000
    await expect
      .poll(async () => (await published()).length, { interval: 1, timeout: 10_000 })
      .toBeGreaterThan(life * 400)
    await program.kill()
  }
  const last = ship()
  last.closeInput()
  expect(await last.ended()).toEqual({ code: 0, signal: null })
  const all = await published()
  const byId = new Map(all.map(({ id, text }) => [id, text]))
  expect(all.every(({ id, text }) => byId.get(id) === text)).toBe(true)
  const firsts = [...new Set(all.map(({ text }) => text))]
  // Lines that were passed on, but not spooled yet when their life ended, are missing, and only at the end of that life.
  const numbers = firsts.map((text) => Number(text.slice('line '.length)))
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  for (let life = 0; life < 4; life++) {
    const ofLife = numbers.filter((number) => Math.floor((number - 1) / 1_000) === life)
    expect(ofLife).toEqual(Array.from({ length: ofLife.length }, (_, index) => life * 1_000 + 1 + index))
  }
  expect(byId.size).toBe(firsts.length)
}, 60_000)

describe('the command line', () => {
  test('memory: and an input that ends: 64, and what to set', async () => {
    const program = start(main, ['-t', 'logs.test'])
    expect(await program.ended()).toEqual({ code: 64, signal: null })
    expect(program.output()).toMatch(/memory: reaches this process only.*MESSAGING_URL.*--hold/)
  })

  test('memory: and --hold: says so, answers health, counts what it ships, ends with 0', async () => {
    const program = start(main, ['-t', 'logs.test', '--hold'])
    await program.until(/waits for lines of standard input; they go to logs\.test at memory:.*MESSAGING_URL/)
    const [, admin] = await program.until(/admin +(http:\S+)/)
    program.write('one\ntwo\n')
    program.closeInput()
    await expect
      .poll(async () => (await fetch(`${admin}/metrics`)).text())
      .toMatch(/ledger_acked_total\{stage="log-shipper"\} 2/)
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test('a spool that another shipper has: 75, and what to set', async () => {
    await start(main, ['--hold']).until(/waits for lines/)
    const second = start(main, ['--hold'])
    expect(await second.ended()).toEqual({ code: 75, signal: null })
    expect(second.output()).toMatch(/belongs to another log-shipper \(process \d+\).*--spool-dir/)
  })

  test.each([
    [['-t', 'logs.>'], 64, /topic.*wildcard/],
    [['-t', 'logs.app.DLT'], 64, /topic.*dead-letter/],
    [['--max-line-bytes=0', '--batch-count=x'], 64, /batchCount[^]*maxLineBytes/],
    [['--spool-max-bytes=2000'], 64, /spoolMaxBytes.*too small/],
    [['app'], 64, /app/],
    [['--hold', '--spool-dir=/dev/null/spool'], 74, /the spool cannot be opened: ENOTDIR.*--spool-dir/],
  ])('%j ends with %d and says why', async (args, code, why) => {
    const program = start(main, args)
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })
})
