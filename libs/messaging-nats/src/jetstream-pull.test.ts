import type { Msg } from '@nats-io/nats-core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection } from './connection.ts'
import { pull } from './jetstream-pull.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const start = () => {
  let receive: (error: Error | null, msg: Msg) => void = () => undefined
  const publish = vi.fn()
  const unsubscribe = vi.fn()
  const subscribe = (_subject: string, { callback }: { callback: typeof receive }) => {
    receive = callback
    return { unsubscribe, drain: async () => undefined }
  }
  const connection = { connected: true, nc: { subscribe, publish, info: {} }, onReconnect: () => () => undefined }
  const onGone = vi.fn()
  const pulling = pull({
    connection: connection as unknown as Connection,
    stream: 's',
    consumer: 'c',
    room: (requested) => ({ messages: 10 - requested, bytes: 1_000 }),
    onMessage: () => undefined,
    onGone,
  })
  return {
    pulling,
    publish,
    unsubscribe,
    onGone,
    message: () => receive(null, { subject: 'a', data: new Uint8Array() } as Msg),
  }
}

test('bug: a consumer that went with its server was waited for without end', async () => {
  const { publish, unsubscribe, onGone } = start()
  await vi.advanceTimersByTimeAsync(0)
  const asked = publish.mock.calls.length
  expect(asked).toBeGreaterThan(0)
  // It is asked once more first: the request may have been lost.
  await vi.advanceTimersByTimeAsync(7_000)
  expect(publish.mock.calls.length).toBeGreaterThan(asked)
  expect(onGone).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(7_000)
  expect(onGone).toHaveBeenCalledOnce()
  expect(unsubscribe).toHaveBeenCalledOnce()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(onGone).toHaveBeenCalledOnce()
})

test('a consumer that is heard of stays', async () => {
  const { pulling, onGone, message } = start()
  for (let times = 0; times < 20; times++) {
    await vi.advanceTimersByTimeAsync(6_000)
    message()
  }
  expect(onGone).not.toHaveBeenCalled()
  await pulling.stop()
})
