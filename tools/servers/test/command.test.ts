import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { execute } from '../src/execute.ts'
import { serverDeadlineMs } from '../src/fixture.ts'
import { marked, runVariable, signalAll } from '../src/leftovers.ts'
import { type Program, startProgram } from '../src/program.ts'
import { accepts } from '../src/running.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const limitMs = 60_000
let room: string
let run: string
let env: Record<string, string | undefined>
const started: Program[] = []

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'command-'))
  await chmod(room, 0o711)
  await mkdir(join(room, 'bin'))
  run = crypto.randomUUID()
  const PATH = [join(room, 'bin'), process.env['PATH']].join(delimiter)
  env = { ...process.env, PATH, TMPDIR: room, XDG_STATE_HOME: join(room, 'state'), [runVariable]: run }
})
afterEach(async () => {
  if (existsSync(join(room, 'state'))) await servers('down')
  await Promise.all(started.splice(0).map((program) => program.kill()))
  signalAll(marked(runVariable, run), 'SIGKILL')
  await rm(room, { recursive: true, force: true })
})

const begin = (...args: string[]): Program => {
  const program = startProgram(process.execPath, [main, ...args], { env })
  started.push(program)
  return program
}

const servers = async (...args: string[]) => {
  const program = begin(...args)
  const { code } = await program.ended(serverDeadlineMs)
  return { code, output: program.output() }
}

/** A program that stands in for one of a server. */
const fake = async (name: string, script: string) => {
  await writeFile(join(room, 'bin', name), `#!/bin/sh\n${script}\n`)
  await chmod(join(room, 'bin', name), 0o755)
}

const natsPort = (output: string): number => Number(/^export NATS_URL=nats:\/\/127\.0\.0\.1:(\d+)$/m.exec(output)?.[1])

/** No process, and of its files none but empty folders. */
const nothingIsLeft = async () => {
  await vi.waitFor(() => expect(marked(runVariable, run)).toEqual([]), { timeout: 10_000, interval: 50 })
  expect(await readdir(join(room, 'state/armature'))).toEqual([])
  expect((await readdir(room)).filter((name) => name.startsWith('armature-servers-'))).toEqual([])
}

describe('up and down', { timeout: serverDeadlineMs }, () => {
  test('start servers that go on in the background, for `eval`, and end them with their data', async () => {
    const script = `eval "$('${process.execPath}' '${main}' up nats redis)"; echo "$NATS_URL $REDIS_URL"`
    const output = await execute('/bin/sh', ['-c', script], { deadlineMs: serverDeadlineMs, env })
    const [, natsUrl = '', redisUrl = ''] = /^(nats:\S+) (redis:\S+)$/m.exec(output) ?? []
    for (const url of [natsUrl, redisUrl]) expect(await accepts(Number(new URL(url).port))).toBe(true)

    const again = await servers('up', 'nats')
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('nats runs already') })
    expect(again.output).toContain(`export NATS_URL=${natsUrl}\n`)

    const { output: table } = await servers('status')
    expect(table).toMatch(/^NAME +STATE +SINCE +WHERE\n/)
    expect(table).toMatch(new RegExp(`^nats +running +\\S+Z  ${natsUrl}$`, 'm'))
    expect(table).toMatch(new RegExp(`^redis +running +\\S+Z  ${redisUrl}$`, 'm'))
    expect((await servers('logs', 'nats')).output).toContain('Server is ready')

    expect(await servers('down', 'redis')).toEqual({ code: 0, output: 'Ended redis.\n' })
    expect((await servers('status')).output).not.toContain('redis')
    expect(await servers('down')).toEqual({ code: 0, output: 'Ended nats.\n' })
    expect(await accepts(Number(new URL(natsUrl).port))).toBe(false)
    await nothingIsLeft()
    expect(await servers('status')).toEqual({ code: 0, output: 'No server runs.\n' })
    expect(await servers('down')).toEqual({ code: 0, output: 'No server runs.\n' })
  })

  test('one that cannot be had is one line with its remedy and exit 69; the others run', async () => {
    await fake('go', '[ "$1" = env ] && { echo go1.26.8; exit; }; echo no route; exit 1')
    env = { ...env, XDG_CACHE_HOME: join(room, 'cache') }
    await fake('redis-server', 'echo Ready to accept connections; exec /bin/sleep 61')
    const { code, output } = await servers('up', 'toxiproxy', 'redis')
    expect(code).toBe(69)
    expect(output).toMatch(/^toxiproxy cannot be had: [^\n]*give go access to its module proxy[^\n]*$/m)
    expect(output).toMatch(/^export REDIS_URL=redis:/m)
    expect((await servers('status')).output).toMatch(/^toxiproxy +failed .*toxiproxy-server could not be built/m)
  })

  test('with --nodes they are clusters; one that runs with another number of nodes is reported', async () => {
    const { code, output } = await servers('up', '--nodes', '3', 'nats')
    const [, hosts = ''] = /^export NATS_URL=nats:\/\/(\S+)$/m.exec(output) ?? []
    expect(code).toBe(0)
    expect(hosts.split(',')).toHaveLength(3)
    for (const host of hosts.split(',')) expect(await accepts(Number(host.split(':')[1]))).toBe(true)
    expect((await servers('up', 'nats')).output).toContain(`export NATS_URL=nats://${hosts}\n`)
    expect(await servers('up', '--nodes', '1', 'nats')).toMatchObject({
      code: 69,
      output: expect.stringContaining('nats runs already, with 3 nodes: end it first (down nats)'),
    })
    expect(await servers('down')).toEqual({ code: 0, output: 'Ended nats.\n' })
    await nothingIsLeft()
  })

  test('where none could be had leaves nothing', async () => {
    await fake('redis-server', 'echo no memory; exit 1')
    expect(await servers('up', 'redis')).toMatchObject({
      code: 69,
      output: expect.stringContaining('redis cannot be had'),
    })
    await nothingIsLeft()
  })

  test('down ends one that has only begun to start', async () => {
    await fake('redis-server', 'exec /bin/sleep 61')
    const up = begin('up', 'redis')
    await vi.waitFor(async () => expect((await servers('status')).output).toMatch(/^redis +starting/m), limitMs)
    expect(await servers('down')).toEqual({ code: 0, output: 'Ended redis.\n' })
    expect((await up.ended(limitMs)).code).toBe(69)
    await nothingIsLeft()
  })

  test('down removes what a killed supervisor has left', async () => {
    const { output } = await servers('up', 'nats')
    const [file = ''] = await readdir(join(room, 'state/armature'))
    const { pid } = JSON.parse(await readFile(join(room, 'state/armature', file), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(async () => expect(await accepts(natsPort(output))).toBe(false), limitMs)
    expect(await servers('status')).toEqual({ code: 0, output: 'No server runs.\n' })
    expect((await servers('down')).code).toBe(0)
    await nothingIsLeft()
  })

  test('bug: down in one checkout ended the servers of another; each has its own', async () => {
    const other = join(room, 'other')
    await cp(join(import.meta.dirname, '../src'), join(other, 'tools/servers/src'), { recursive: true })
    await symlink(join(import.meta.dirname, '../../../node_modules'), join(other, 'node_modules'))
    const elsewhere = async (...args: string[]) => {
      const program = startProgram(process.execPath, [join(other, 'tools/servers/src/main.ts'), ...args], { env })
      started.push(program)
      await program.ended(serverDeadlineMs)
      return program.output()
    }
    const [here, there] = [natsPort((await servers('up', 'nats')).output), natsPort(await elsewhere('up', 'nats'))]
    try {
      expect(there).not.toBe(here)
      expect(await elsewhere('down')).toBe('Ended nats.\n')
      expect([await accepts(here), await accepts(there)]).toEqual([true, false])
      expect((await servers('status')).output).toContain(`nats://127.0.0.1:${here}`)
      expect(await elsewhere('status')).toBe('No server runs.\n')
      expect(await elsewhere('down')).toBe('No server runs.\n')
      expect(await accepts(here)).toBe(true)
    } finally {
      await elsewhere('down')
    }
    expect(await servers('down')).toEqual({ code: 0, output: 'Ended nats.\n' })
    await nothingIsLeft()
  })

  test('in the foreground they end with Ctrl-C', async () => {
    const up = begin('up', '--foreground', 'nats')
    await up.until(/Ctrl-C ends them/, serverDeadlineMs)
    await up.until(/export NATS_URL/)
    expect(await accepts(natsPort(up.output()))).toBe(true)
    up.signalGroup('SIGINT')
    expect((await up.ended(limitMs)).code).toBe(130)
    await nothingIsLeft()
  })
})

describe('interrupted in the middle, up leaves nothing', { timeout: serverDeadlineMs }, () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s while a server starts', async (signal, code) => {
    await fake('redis-server', 'echo starting slowly; exec /bin/sleep 61')
    const up = begin('up', 'redis', 'nats')
    await up.until(/nats runs/, serverDeadlineMs)
    up.signalGroup(signal)
    up.signalGroup(signal)
    expect((await up.ended(limitMs)).code).toBe(code)
    await nothingIsLeft()
  })

  test('SIGINT while a program is built, which also leaves no half of it', async () => {
    env = { ...env, XDG_CACHE_HOME: join(room, 'cache') }
    await fake('go', '[ "$1" = env ] && { echo go1.26.8; exit; }; /bin/sleep 61')
    const up = begin('up', 'toxiproxy')
    await up.until(/built by Go/, limitMs)
    up.signalGroup('SIGINT')
    expect((await up.ended(limitMs)).code).toBe(130)
    await nothingIsLeft()
    expect(await readdir(join(room, 'cache/armature'))).toEqual([])
  })

  test('what ran before goes on', async () => {
    const { output } = await servers('up', 'nats')
    await fake('redis-server', 'exec /bin/sleep 61')
    const up = begin('up', 'redis', 'nats')
    await up.until(/nats runs already/, limitMs)
    up.signalGroup('SIGINT')
    expect((await up.ended(limitMs)).code).toBe(130)
    expect(await accepts(natsPort(output))).toBe(true)
    expect((await servers('status')).output).not.toContain('redis')
  })
})

describe('words', { timeout: limitMs }, () => {
  test.each([
    [['up', 'kafak'], /^No such server: kafak\. The servers are consul, .*kafka/],
    [['down', 'x'], /^No such server: x\./],
    [['logs'], /^logs takes the name of one server/],
    [['logs', 'nats', 'redis'], /^logs takes the name of one server/],
    [[], /^No command: see below\.\n\nReal servers/],
    [['start'], /^start: see below\.\n\nReal servers/],
    [['up', '--nodes', '3', 'kafka', 'redis'], /^redis cannot have 3 nodes: --nodes is for kafka, nats, rabbitmq\./],
    [['up', '--nodes', '0', 'nats'], /^--nodes 0 is no number of nodes: give one from 1 to 7/],
    [['up', '--nats'], /^Unknown option '--nats'/],
  ])('%j are refused', async (args, text) => {
    expect(await servers(...args)).toMatchObject({ code: 64, output: expect.stringMatching(text) })
  })

  test('--help says what there is', async () => {
    for (const args of [['--help'], ['-h'], ['up', '--help']]) {
      expect(await servers(...args)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/ up \[.* status .* down /s),
      })
    }
  })

  test('the log of a server that does not run is not there', async () => {
    expect(await servers('logs', 'nats')).toMatchObject({
      code: 69,
      output: expect.stringMatching(/^nats has written nothing/),
    })
  })
})
