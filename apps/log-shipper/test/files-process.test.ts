import { appendFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { numbered } from './world.ts'

const publishing = join(import.meta.dirname, 'publishing-program.ts')

let folder: string
const programs: Program[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-files-'))
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const start = (args: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
  const program = startProgram(process.execPath, args, { env })
  programs.push(program)
  return program
}

/** Ships files to a file: each message is `ID BODY` there. */
const ship = (...args: readonly string[]): Program =>
  start([publishing, `--messaging-url=file:${join(folder, 'published')}`, '--topic=logs.test', ...args])

const published = async (): Promise<readonly (readonly [id: string, text: string])[]> => {
  const text = await readFile(join(folder, 'published'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const)
}
const texts = async () => (await published()).map(([, text]) => text)
const log = (name = 'a.log') => join(folder, name)
const asFile = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')

test('files are followed until a stop, and read on by the next run; nothing of them is passed on', async () => {
  await writeFile(log(), asFile(numbered(1, 1_000)))
  const program = ship('--file', log('*.log'))
  await program.until(/waits for lines of .*\*\.log; they go to logs\.test/)
  await expect.poll(texts, { timeout: 30_000 }).toEqual(numbered(1, 1_000))
  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect(program.output()).not.toContain('line 500')
  await appendFile(log(), asFile(numbered(1_001, 1_003)))
  ship('--file', log('*.log'))
  await expect.poll(texts, { timeout: 30_000 }).toEqual(numbered(1, 1_003))
})

test('several of them are read to their end with --no-follow', async () => {
  await writeFile(log('a.log'), 'one')
  await writeFile(log('b.log'), 'two\n')
  const program = ship('--no-follow', '--file', log('a.log'), '--file', log('b.log'))
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect((await texts()).toSorted()).toEqual(['one', 'two'])
})

test('one that cannot be read ends a run that does not follow with 74, and what the others hold is shipped', async () => {
  await symlink('a.log', log('a.log'))
  await writeFile(log('b.log'), 'two\n')
  const program = ship('--no-follow', '--file', log('*.log'))
  expect(await program.ended()).toEqual({ code: 74, signal: null })
  expect(await texts()).toEqual(['two'])
  expect(program.output()).toContain('a.log cannot be read')
})

test('a glob without a match is told once, and waited for', async () => {
  const program = ship('--file', log('*.log'))
  await program.until(/no file matches .*\*\.log yet/)
  await writeFile(log(), 'one\n')
  await expect.poll(texts, { timeout: 30_000 }).toEqual(['one'])
  expect(program.output().match(/no file matches/g)).toHaveLength(1)
})

test('files and a command are refused together', async () => {
  const program = ship('--file', log(), '--', 'true')
  expect(await program.ended()).toEqual({ code: 64, signal: null })
  expect(program.output()).toContain('either --file (env LOG_FILES) or a command')
})

/** Writes so many lines as fast as it can, and rotates now and then. */
const writer = (count: number) => `
  const { appendFileSync, renameSync } = require('node:fs')
  for (let first = 1; first <= ${count}; first += 100) {
    const lines = Array.from({ length: 100 }, (_, index) => 'line ' + (first + index) + '\\n')
    appendFileSync(process.argv[1], lines.join(''))
    if (first % 2000 === 1 && first > 1) renameSync(process.argv[1], process.argv[1] + '.' + first)
  }`

test(
  'FAULTS row 44: rotation in full flow, the shipper killed and started again in the middle: each line is there, with one id',
  { timeout: 120_000 },
  async () => {
    const count = 20_000
    const args = ['--file', `${log()}*`, '--batch-period-ms=1', '--log-level=silent']
    let shipper = ship(...args)
    const distinct = async () => new Set(await texts()).size
    const program = start(['-e', writer(count), log()])
    for (let kills = 1; kills <= 3; kills++) {
      await expect.poll(distinct, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual((count / 5) * kills)
      await shipper.kill()
      shipper = ship(...args)
    }
    expect(await program.ended()).toMatchObject({ code: 0 })
    await expect.poll(distinct, { timeout: 60_000, interval: 100 }).toBe(count)
    const ids = new Map<string, string>()
    for (const [id, text] of await published()) {
      expect(ids.get(text) ?? id).toBe(id)
      ids.set(text, id)
    }
    expect(new Set(ids.values()).size).toBe(count)
  },
)
