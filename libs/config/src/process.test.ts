import { expect, test } from 'vitest'
import { processInput } from './process.ts'

test('leaves out the program and the script, and sees the environment as it is now', () => {
  const before = processInput()
  expect(before.argv).toEqual(process.argv.slice(2))
  process.env['CONFIG_PROCESS_TEST'] = 'x'
  try {
    expect(processInput().env['CONFIG_PROCESS_TEST']).toBe('x')
  } finally {
    delete process.env['CONFIG_PROCESS_TEST']
  }
})
