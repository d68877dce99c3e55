import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { numbered } from './world.ts'

const publishing = fileURLToPath(new URL('./publishing-program.ts', import.meta.url))

let folder: string
let program: Program | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-pod-'))
  await chmod(folder, 0o777)
})
afterEach(async () => {
  await program?.kill()
  await rm(folder, { recursive: true })
})

interface Wrapped {
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** The program before the shipper, such as one that changes the user. */
  readonly by?: readonly string[]
}

/** Wraps a script of Node as a pod does: no home, no folder for temporary files, one that can be written. */
const wrap = (script: string, { env = {}, args = [], by = [] }: Wrapped = {}): Program => {
  const command = [...by, process.execPath, publishing, '-t', 'logs.test', `--spool-dir=${join(folder, 'spool')}`]
  const own = { PATH: process.env['PATH'], STATSD_PORT: '0', HOME: '/nowhere', TMPDIR: '/nowhere' }
  const [first = '', ...rest] = [...command, ...args, '--', process.execPath, '-e', script]
  return (program = startProgram(first, rest, {
    env: { ...own, LOG_SHIPPER_MESSAGING_URL: target(), ...env },
    cwd: '/',
  }))
}
const target = () => `file:${join(folder, 'published')}`

const published = async () => {
  const lines = (await readFile(join(folder, 'published'), 'utf8')).split('\n').slice(0, -1)
  return lines.map((line) => line.slice(line.indexOf(' ') + 1))
}

const shownOf = `JSON.stringify(Object.entries(process.env).filter(([name]) => /MESSAGING|SHIPPER/.test(name)).sort())`

describe('the variables with LOG_SHIPPER_', () => {
  test("are the shipper's: the child has its own, of the same names without it", async () => {
    const secret = join(folder, 'secret')
    await writeFile(secret, `${target()}\n`)
    const env = {
      MESSAGING_URL_FILE: '/run/secrets/app',
      LOG_SHIPPER_MESSAGING_URL: '',
      LOG_SHIPPER_MESSAGING_URL_FILE: secret,
      LOG_SHIPPER_QUIET: 'true',
      LOG_SHIPPER_MISTYPED: 'secret',
      LOG_SHIPPER_LOG_LEVEL: 'silent',
    }
    const running = wrap(`console.log(${shownOf})`, { env })
    expect(await running.ended()).toEqual({ code: 0, signal: null })
    expect(await published()).toEqual([JSON.stringify([['MESSAGING_URL_FILE', '/run/secrets/app']])])
    expect(running.output()).not.toContain('/run/secrets/app')
  })

  test('are not needed: the others are those of both', async () => {
    const env = { MESSAGING_URL: target(), LOG_SHIPPER_MESSAGING_URL: '' }
    expect(await wrap(`console.log(${shownOf})`, { env }).ended()).toEqual({ code: 0, signal: null })
    expect(await published()).toEqual([JSON.stringify([['MESSAGING_URL', target()]])])
  })
})

describe('a child that crashes', () => {
  // As pino writes: what console.log has not yet handed to the system is lost with the process.
  const crash = `for (let i = 1; i <= 20000; i++) fs.writeSync(1, 'line ' + i + '\\n'); throw new Error('it broke')`

  test('its last lines are shipped, and its code is passed on', async () => {
    const running = wrap(crash, { args: ['-q'] })
    expect(await running.ended(20_000)).toEqual({ code: 1, signal: null })
    expect(await published()).toEqual(numbered(1, 20_000))
    expect(running.output()).toContain('Error: it broke')
  })

  test('with the record of its exit its stack is shipped, too', async () => {
    const env = { LOG_SHIPPER_EXIT_RECORD: 'true' }
    expect(await wrap(crash, { args: ['-q'], env }).ended(20_000)).toEqual({ code: 1, signal: null })
    const lines = await published()
    const record = JSON.parse(lines.at(-1) ?? '') as { code: number; stderr: string[] }
    expect(record.code).toBe(1)
    expect(record.stderr.join('\n')).toContain('Error: it broke')
    expect(lines.slice(0, -1)).toEqual(numbered(1, 20_000))
  })
})

test('on SIGTERM the child drains first, as long as it is given', async () => {
  const script = `setInterval(() => {}, 1000)
    process.on('SIGTERM', () => { console.log('draining'); setTimeout(() => { console.log('drained'); process.exit(9) }, 1200) })
    console.log('up')`
  const running = wrap(script, { env: { LOG_SHIPPER_CHILD_GRACE_MS: '20000', LOG_SHIPPER_DRAIN_DEADLINE_MS: '25000' } })
  await running.until(/up\n/)
  running.signal('SIGTERM')
  expect(await running.ended(20_000)).toEqual({ code: 9, signal: null })
  expect(await published()).toEqual(['up', 'draining', 'drained'])
})

// Only root may become another user.
test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a user who may write nothing but the folder of the spool ships',
  async () => {
    const by = ['setpriv', '--reuid=65532', '--regid=65532', '--clear-groups']
    const running = wrap(`console.log('one')`, { by })
    expect(await running.ended(20_000), running.output()).toEqual({ code: 0, signal: null })
    expect(await published()).toEqual(['one'])
    expect(running.output()).not.toContain('/nowhere')
  },
)
