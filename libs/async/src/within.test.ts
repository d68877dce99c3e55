import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { drivenClock } from './clock.ts'
import { outcomeOf } from './testing-outcome.ts'
import { within } from './within.ts'

test('resolves to what the promise resolves to, and leaves no timer', async () => {
  const clock = drivenClock()
  await expect(within(10, Promise.resolve('done'), clock)).resolves.toBe('done')
  expect(clock.pending).toBe(0)
})

test('resolves to undefined when the time is over, and not before', async () => {
  const clock = drivenClock()
  const { promise, reject } = Promise.withResolvers<string>()
  const outcome = outcomeOf(within(10, promise, clock))
  await clock.advance(9)
  expect(outcome.state).toBe('pending')
  await clock.advance(1)
  expect(outcome.state).toBe('resolved')
  // A rejection after that is nobody's: it would end the process.
  reject(new Error('late'))
  await clock.advance(1)
})

test('rejects as the promise does', async () => {
  await expect(within(10, Promise.reject(new Error('no')), drivenClock())).rejects.toThrow('no')
})

test('bug: a program ended while it waited, since the timer did not keep it alive', async () => {
  const source = JSON.stringify(join(import.meta.dirname, 'within.ts'))
  const program = `import { within } from ${source}; await within(10, new Promise(() => undefined)); console.log('late')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  expect(stdout).toBe('late\n')
})
