import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
let folder: string
const programs: Program[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-spool-'))
})

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const start = (...args: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', CONSUL_REGISTER: 'false', XDG_STATE_HOME: join(folder, 'state') }
  const program = startProgram(process.execPath, [main, ...args], { env })
  programs.push(program)
  return program
}

/** The exit code and what was printed. */
const ran = async (...args: readonly string[]) => {
  const program = start(...args)
  const { code } = await program.ended()
  return { code, output: program.output() }
}

/** Nothing listens there. */
const away = '--messaging-url=kafka://127.0.0.1:1'

test('beside a running shipper: ls and verify look, replay is refused with 75', async () => {
  const shipper = start(away, '--topic=logs.test')
  shipper.write('one\ntwo\n')
  await shipper.until(/two\n/)
  const listed = async () => (await ran('spool', 'ls', '--topic=logs.test', '--format=json')).output
  await expect.poll(listed, { timeout: 20_000 }).toContain('"lines":2,"acknowledged":0')
  expect(await ran('spool', 'ls', '-t', 'logs.test')).toMatchObject({
    code: 0,
    output: expect.stringMatching(/SEGMENT +LINES +ACKNOWLEDGED[^]*1 segment, 2 lines not acknowledged/) as string,
  })
  expect(await ran('spool', 'verify', '-t', 'logs.test')).toMatchObject({
    code: 0,
    output: expect.stringContaining('1 segment, 2 lines read, 0 lost') as string,
  })
  const refused = await ran('spool', 'replay', '-t', 'logs.test', away)
  expect(refused).toMatchObject({ code: 75 })
  expect(refused.output).toContain('belongs to another log-shipper')
})

test.each(['ls', 'verify', 'replay'])(
  'of a folder that is not there: spool %s ends with 74, and makes none',
  async (word) => {
    const path = join(folder, 'nothing')
    const { code, output } = await ran('spool', word, `--spool-dir=${path}`, ...(word === 'replay' ? [away] : []))
    expect(code).toBe(74)
    expect(output).toContain(`cannot read the spool ${path}: there is no such folder`)
    expect(await readdir(folder)).toEqual([])
  },
)

test.each(['ls', 'verify'])('of an empty folder: spool %s ends with 0', async (word) => {
  const path = join(folder, 'empty')
  await mkdir(path)
  const { code, output } = await ran('spool', word, `--spool-dir=${path}`)
  expect(code).toBe(0)
  expect(output).toContain('0 segments, 0 lines')
  expect(await readdir(path)).toEqual([])
})

test('replay over memory: is refused, since no one would get the lines', async () => {
  expect(await ran('spool', 'replay', `--spool-dir=${folder}`)).toMatchObject({
    code: 64,
    output: expect.stringContaining('memory: reaches this process only') as string,
  })
})
