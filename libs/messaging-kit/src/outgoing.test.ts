import { expect, test } from 'vitest'
import { message, type Message } from '@armature/messaging/message'
import { checkPublish } from './outgoing.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

const limits = { maxMessageBytes: 10, closed: false }
const check =
  (topic: string, messages: readonly Message[], closed = false) =>
  () =>
    checkPublish(topic, messages, { ...limits, closed })

test('what is right passes, up to the limit', () => {
  expect(check('a.b', [])).not.toThrow()
  expect(check('a.b', [message('a.b', new Uint8Array(10))])).not.toThrow()
})

const good = message('a', 'x')
const refused: [fault: string, run: () => void][] = [
  ['closed', check('a', [good], true)],
  ['bad-topic', check('a b', [good])],
  ['bad-topic', check('a.>', [good])],
  ['bad-message', check('a', [good, { ...good, id: '' }])],
  ['bad-message', check('a', [{ ...good, body: 'text' as unknown as Uint8Array }])],
  ['too-large', check('a', [good, message('a', new Uint8Array(11))])],
]

test.each(refused)('%s is refused before anything is sent', (fault, run) => {
  expect(run).toThrow(expect.objectContaining({ name: 'PublishError', fault }))
})

test('attempts to connect again are spread, and never more than 5 s apart', () => {
  const longest = (attempt: number) => reconnectDelayMs(attempt, () => 0.999_999)
  expect([1, 2, 3, 4].map(longest)).toEqual([50, 100, 200, 400])
  expect([8, 100, 10_000].map(longest)).toEqual([5_000, 5_000, 5_000])
  expect(reconnectDelayMs(8, () => 0)).toBe(0)
})
