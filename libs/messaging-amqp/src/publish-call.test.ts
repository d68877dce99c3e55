import { expect, test } from 'vitest'
import type { EncodedMessage } from './codec.ts'
import { resendFromGap, send, type PublishCall } from './publish-call.ts'
import type { PublishChannel } from './publish-channel.ts'

const callOf = (ids: readonly string[]): PublishCall => ({
  topic: 'orders',
  routingKey: 'orders',
  exchange: 'armature',
  messages: ids.map((id): EncodedMessage => ({ id, content: Buffer.from(id), properties: {} })),
  isDeadLetter: false,
  confirmed: new Uint8Array(ids.length),
  returned: new Set(),
  progressAtMs: 0,
  late: Promise.withResolvers(),
})

/** A channel that refuses some, and answers nothing about others. */
const channelThat = ({ refuses = [] as string[], isSilent = false }) => {
  const sent: string[] = []
  const channel = {
    publish: (
      _exchange: string,
      _key: string,
      content: Buffer,
      _properties: object,
      answered: (e: Error | null) => void,
    ) => {
      const id = content.toString()
      sent.push(id)
      if (!isSilent) queueMicrotask(() => answered(refuses.includes(id) ? new Error('message nacked') : null))
      return true
    },
  }
  const out = { channel, catchReturns: () => () => undefined, checkMark: () => Promise.resolve(), isOpen: true }
  return { out: out as unknown as PublishChannel, sent }
}

test('what was refused is sent again, and with resendFromGap what followed it, too', async () => {
  const call = callOf(['1', '2', '3'])
  const full = channelThat({ refuses: ['2'] })
  expect(await send(full.out, call)).toBe('refused')
  expect([...call.confirmed]).toEqual([1, 0, 1])
  resendFromGap(call)
  const free = channelThat({})
  expect(await send(free.out, call)).toBe('done')
  expect(free.sent).toEqual(['2', '3'])
  resendFromGap(call)
  expect([...call.confirmed]).toEqual([1, 1, 1])
})

test('a call that is late ends its wait for confirms', async () => {
  const call = callOf(['1'])
  const silent = channelThat({ isSilent: true })
  const outcome = send(silent.out, call)
  call.late.resolve('late')
  expect(await outcome).toBe('late')
  expect([...call.confirmed]).toEqual([0])
})
