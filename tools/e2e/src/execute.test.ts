import { expect, test } from 'vitest'
import { execute, tryExecute } from './execute.ts'

test('gives what a program writes, and hands it its input', async () => {
  expect(await execute(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], { input: 'hello' })).toBe(
    'hello',
  )
})

test('the error of a program that fails says how it was called, its code and its output', async () => {
  const failing = ['-e', 'console.error("no such chart"); process.exitCode = 3']
  await expect(execute(process.execPath, failing)).rejects.toThrow(/-e .*exit code 3\nno such chart/s)
  expect(await tryExecute(process.execPath, failing)).toMatchObject({ code: 3, stderr: 'no such chart\n' })
})

test('a program that takes too long is killed', async () => {
  expect(await tryExecute(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 500 })).toMatchObject({
    code: null,
  })
})
