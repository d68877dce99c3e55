import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, expect, test } from 'vitest'

const programOf = (name: string) => join(import.meta.dirname, name)
const deadlineMs = 120_000

let folder: string
const programs: Program[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-flow-'))
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const start = (name: string, ...args: readonly string[]): Program => {
  const program = startProgram(process.execPath, [programOf(name), ...args])
  programs.push(program)
  return program
}

/** Lines that are held, with their ids. */
const held = async (): Promise<readonly (readonly [id: string, line: string])[]> => {
  const text = await readFile(join(folder, 'held'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((entry) => [entry.slice(0, entry.indexOf(' ')), entry.slice(entry.indexOf(' ') + 1)] as const)
}

const lineCount = 100_000

test.each(['rename', 'copytruncate'])(
  'FAULTS row 44: %s in full flow, the reader killed and started again in the middle: no line is lost, and each has one id',
  { timeout: deadlineMs },
  async (how) => {
    const log = join(folder, 'a.log')
    const read = () => start('tail-program.ts', join(folder, 'held'), join(folder, 'checkpoints'), `${log}*`)
    let reader = read()
    const writer = start('writer-program.ts', log, String(lineCount), '10000', how)
    for (let kills = 1; kills <= 4; kills++) {
      const enough = (lineCount / 8) * kills
      await expect
        .poll(async () => new Set((await held()).map(([, line]) => line)).size, { timeout: 60_000, interval: 100 })
        .toBeGreaterThanOrEqual(enough)
      await reader.kill()
      reader = read()
    }
    expect(await writer.ended(60_000)).toMatchObject({ code: 0 })
    await expect
      .poll(async () => new Set((await held()).map(([, line]) => line)).size, { timeout: 60_000, interval: 100 })
      .toBe(lineCount)
    const ids = new Map<string, string>()
    for (const [id, line] of await held()) {
      expect(ids.get(line) ?? id).toBe(id)
      ids.set(line, id)
    }
    expect(new Set(ids.values()).size).toBe(lineCount)
  },
)
