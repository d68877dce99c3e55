import { expect, test } from 'vitest'
import { message, type Message } from '@armature/messaging/message'
import { checkPublish } from './publish-checks.ts'

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
