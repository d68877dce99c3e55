import { join } from 'node:path'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, expect, test } from 'vitest'

const limitMs = 60_000
const main = join(import.meta.dirname, '../src/check.ts')

let program: Program | undefined
afterEach(() => program?.kill())

const check = async (...steps: string[]) => {
  program = startProgram(process.execPath, [main, ...steps])
  const { code } = await program.ended(limitMs)
  return { code, output: program.output() }
}

test('runs the steps that were named and sums them in its last line', { timeout: limitMs }, async () => {
  const { code, output } = await check('references')
  expect(output).toMatch(/^== references: passed in [\d.]+ s$/m)
  expect(output).toMatch(/\n1 passed, 0 failed\n$/)
  expect(output).not.toContain('== lint')
  expect(code).toBe(0)
})

test('a step that there is not is refused with those that there are', { timeout: limitMs }, async () => {
  const { code, output } = await check('lint', 'lnit')
  expect(code).toBe(64)
  expect(output).toMatch(/No such step: lnit\. The steps are format, .*lint/)
})
