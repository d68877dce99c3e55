import { expect, test } from 'vitest'
import type { Message } from './message.ts'
import { messagesOf, partOfRun } from './message-run.ts'
import { publishRun } from './publish-run.ts'
import { runOf } from './testing-message-run.ts'

const run = runOf(
  [
    { body: 'one', number: 1, timeMs: 10, kind: 0 },
    { body: '', number: 2 ** 40, timeMs: 20, kind: 1 },
    { body: 'drei ž', number: 0, timeMs: 20, kind: 0 },
  ],
  { kinds: [{ a: 'x' }, { b: 'y' }], key: 'k', idPrefix: 'run-' },
)
const messages = [
  { id: 'run-1', topic: 't', key: 'k', time: new Date(10), headers: { a: 'x' }, body: Buffer.from('one') },
  { id: 'run-1099511627776', topic: 't', key: 'k', time: new Date(20), headers: { b: 'y' }, body: Buffer.of() },
  { id: 'run-0', topic: 't', key: 'k', time: new Date(20), headers: { a: 'x' }, body: Buffer.from('drei ž') },
]

test('a run is these messages, and so are its parts', () => {
  expect(messagesOf(run, 't')).toEqual(messages)
  expect(messagesOf(partOfRun(run, 1, 3), 't')).toEqual(messages.slice(1))
  expect(messagesOf(partOfRun(run, 1, 1), 't')).toEqual([])
})

test('messages may have keys of their own, or none', () => {
  const keyed = { ...run, keys: ['one', undefined, ''] }
  expect(messagesOf(keyed, 't').map(({ key }) => key)).toEqual(['one', undefined, ''])
  expect(messagesOf(partOfRun(keyed, 1, 3), 't').map(({ key }) => key)).toEqual([undefined, ''])
})

test('a publisher without a way of its own gets the messages, another one the run', async () => {
  const published: (readonly Message[])[] = []
  const runs: unknown[] = []
  const publish = async (_: string, given: readonly Message[]) => void published.push(given)
  await publishRun({ publish }, 't', run)
  await publishRun({ publish, publishRun: async (_, given) => void runs.push(given) }, 't', run)
  expect(published).toEqual([messages])
  expect(runs).toEqual([run])
})
