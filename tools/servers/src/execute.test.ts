import { expect, test } from 'vitest'
import { execute, onPath } from './execute.ts'

const node = (script: string, deadlineMs = 20_000) => execute(process.execPath, ['-e', script], { deadlineMs })

test('returns what the command wrote', async () => {
  expect(await node('console.log("out"); console.error("err")')).toContain('out')
})

test('a failure carries the exit code and the last lines', async () => {
  await expect(node('console.error("the reason"); process.exit(3)')).rejects.toThrow(/ended with code 3\nthe reason/)
})

test('a command that does not end is stopped at the deadline', async () => {
  await expect(node('setInterval(() => {}, 1000)', 300)).rejects.toThrow('not done after 0.3 s')
})

test('a program that is not there is named', async () => {
  await expect(execute('/no/such/program', [], { deadlineMs: 1_000 })).rejects.toThrow('/no/such/program')
})

test('PATH is searched in order, and its empty parts are skipped', async () => {
  expect(await onPath(['no-such-program', 'sh'], { PATH: '::/no/such:/bin' })).toBe('/bin/sh')
  expect(await onPath(['no-such-program'])).toBeUndefined()
  expect(await onPath(['sh'], {})).toBeUndefined()
})
