import { expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { deliveryWindow, type Arrival, type WindowSettings } from './delivery-window.ts'
import { UndecodableError } from '@armature/messaging/cloud-event-attributes'
import { message } from '@armature/messaging/message'
import type { Delivery } from '@armature/messaging/ports'

interface Call {
  readonly delivery: Delivery
  readonly resolve: () => void
  readonly reject: () => void
}

/** A window whose handler waits, and what was settled with the broker. */
const bench = (settings: Partial<WindowSettings> = {}) => {
  const clock = drivenClock()
  const calls: Call[] = []
  const settled: string[] = []
  const window = deliveryWindow({
    clock,
    settings: { maxInFlight: 100, maxInFlightBytes: 1_000, serial: false, redeliveryDelayMs: 50, ...settings },
    handle: (delivery) =>
      new Promise((resolve, reject) => calls.push({ delivery, resolve, reject: () => reject(new Error('no')) })),
  })
  const arrival = (
    id: string,
    {
      key,
      bytes = 1,
      here = false,
      attempt = 1,
    }: { key?: string; bytes?: number; here?: boolean; attempt?: number } = {},
  ) => {
    const made: Arrival = {
      message: message('t', new Uint8Array(bytes), { id, ...(key === undefined ? {} : { key }) }),
      attempt,
      ack: () => settled.push(`ack ${id}`),
      ...(here ? {} : { reject: () => settled.push(`reject ${id}`) }),
    }
    return made
  }
  const offer = (id: string, options?: Parameters<typeof arrival>[1]) => window.offer(arrival(id, options))
  const seen = () => calls.map(({ delivery }) => `${delivery.id}/${delivery.attempt}`)
  const call = (index: number): Call => calls[index] ?? expect.unreachable(`no call ${index}`)
  return { window, clock, calls, settled, arrival, offer, seen, call }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a handler is called at once; resolve acknowledges, reject gives back', async () => {
  const { window, offer, seen, call, settled } = bench()
  offer('a')
  offer('b')
  expect(seen()).toEqual(['a/1', 'b/1'])
  expect(settled).toEqual([])
  call(1).resolve()
  call(0).reject()
  await window.idle()
  expect(settled).toEqual(['ack b', 'reject a'])
  expect(window.inFlight).toBe(0)
})

test('a handler that throws at once rejects', async () => {
  const rejected: string[] = []
  const window = deliveryWindow({
    settings: { maxInFlight: 1, maxInFlightBytes: 1, serial: false, redeliveryDelayMs: 0 },
    handle: () => {
      throw new Error('at once')
    },
  })
  for (const id of ['a', 'b']) {
    window.offer({ message: message('t', ''), attempt: 1, ack: () => undefined, reject: () => rejected.push(id) })
  }
  await turn()
  expect(rejected).toEqual(['a', 'b'])
})

test('beyond maxInFlight messages wait in order, and room is announced', async () => {
  const { window, offer, seen, call } = bench({ maxInFlight: 2 })
  for (const id of ['a', 'b', 'c']) offer(id)
  expect(seen()).toEqual(['a/1', 'b/1'])
  expect([window.inFlight, window.waiting, window.hasRoom]).toEqual([2, 1, false])
  let told = false
  void window.room().then(() => (told = true))
  call(0).resolve()
  await turn()
  expect(seen()).toEqual(['a/1', 'b/1', 'c/1'])
  expect(told).toBe(false)
  call(1).resolve()
  await turn()
  expect(told).toBe(true)
})

test('beyond maxInFlightBytes a message waits, and no smaller one passes it; a larger one comes alone', async () => {
  const { offer, seen, call } = bench({ maxInFlightBytes: 10 })
  offer('six', { bytes: 6 })
  offer('seven', { bytes: 7 })
  offer('one', { bytes: 1 })
  offer('large', { bytes: 50 })
  expect(seen()).toEqual(['six/1'])
  call(0).resolve()
  await turn()
  expect(seen()).toEqual(['six/1', 'seven/1', 'one/1'])
  call(1).resolve()
  await turn()
  expect(seen()).toHaveLength(3)
  call(2).resolve()
  await turn()
  expect(seen()).toEqual(['six/1', 'seven/1', 'one/1', 'large/1'])
})

test('where the broker has no redelivery of its own the handler is called again after the delay, and the attempt counts', async () => {
  const { clock, offer, seen, call, settled } = bench()
  offer('a', { here: true })
  call(0).reject()
  await clock.advance(49)
  expect(seen()).toEqual(['a/1'])
  await clock.advance(1)
  expect(seen()).toEqual(['a/1', 'a/2'])
  call(1).resolve()
  await turn()
  expect(settled).toEqual(['ack a'])
})

test('a rejected message makes room while it waits, but no more than maxInFlight wait', async () => {
  const { window, clock, offer, seen, call } = bench({ maxInFlight: 1 })
  offer('a', { here: true })
  call(0).reject()
  await turn()
  expect([window.inFlight, window.waiting, window.hasRoom]).toEqual([0, 1, true])
  offer('b', { here: true })
  call(1).reject()
  await turn()
  expect([window.waiting, window.hasRoom]).toEqual([2, false])
  await clock.advance(50)
  expect(seen()).toEqual(['a/1', 'b/1', 'a/2'])
})

test('serial: a message waits behind the unsettled one of its key, and others do not', async () => {
  const { clock, offer, seen, call, settled } = bench({ serial: true })
  offer('a1', { key: 'a' })
  offer('a2', { key: 'a' })
  offer('b1', { key: 'b' })
  offer('none')
  expect(seen()).toEqual(['a1/1', 'b1/1', 'none/1'])
  call(0).reject()
  await clock.advance(49)
  expect(seen()).toHaveLength(3)
  await clock.advance(1)
  expect(seen().at(-1)).toBe('a1/2')
  call(3).resolve()
  await turn()
  expect(seen().at(-1)).toBe('a2/1')
  expect(settled).toEqual(['ack a1'])
})

test('after stop no handler is called; what is held is answered, what is in flight settles', async () => {
  const { window, clock, offer, seen, call, settled } = bench({ maxInFlight: 2 })
  offer('a')
  offer('delayed', { here: true })
  call(1).reject()
  await turn()
  offer('b')
  offer('c')
  const held = window.stop().map(({ message: { id } }) => id)
  expect(held).toEqual(['delayed', 'c'])
  expect(offer('d')).toBe(false)
  call(0).resolve()
  call(2).reject()
  await clock.advance(1_000)
  await window.idle()
  expect(seen()).toEqual(['a/1', 'delayed/1', 'b/1'])
  expect(settled).toEqual(['ack a', 'reject b'])
  await window.room()
})

test('close answers all that is unsettled and aborts; what settles later counts for nothing', async () => {
  const { window, offer, call, settled } = bench({ maxInFlight: 1 })
  offer('a')
  offer('b')
  const idle = window.idle()
  expect(window.close().map(({ message: { id } }) => id)).toEqual(['a', 'b'])
  await idle
  expect(window.inFlight).toBe(0)
  expect(call(0).delivery.signal.aborted).toBe(true)
  call(0).resolve()
  await turn()
  expect(settled).toEqual([])
  expect(window.close()).toEqual([])
})

test('what is taken back is fenced, the rest goes on', async () => {
  const { window, offer, seen, call, settled } = bench({ maxInFlight: 2, serial: true })
  offer('a1', { key: 'a' })
  offer('b1', { key: 'b' })
  offer('a2', { key: 'a' })
  const taken = window.takeBack(({ message: { id } }) => id === 'a1')
  expect(taken.map(({ message: { id } }) => id)).toEqual(['a1'])
  expect([0, 1].map((at) => call(at).delivery.signal.aborted)).toEqual([true, false])
  expect(seen()).toEqual(['a1/1', 'b1/1'])
  call(0).resolve()
  call(1).resolve()
  await turn()
  expect(seen()).toEqual(['a1/1', 'b1/1', 'a2/1'])
  expect(settled).toEqual(['ack b1'])
})

test.each(['resolve', 'reject'] as const)(
  'bug: after a lost connection two handlers are at work on one key: firing, resolved, firing (the first then %ss)',
  async (how) => {
    const { window, offer, seen, call, settled } = bench({ serial: true })
    offer('firing', { key: 'a' })
    offer('resolved', { key: 'a' })
    expect(window.takeBack(() => true)).toHaveLength(2)
    expect([window.inFlight, window.waiting]).toEqual([0, 0])
    offer('firing', { key: 'a', attempt: 2 })
    offer('resolved', { key: 'a', attempt: 2 })
    offer('other', { key: 'b' })
    expect(seen()).toEqual(['firing/1', 'other/1'])
    expect(call(0).delivery.signal.aborted).toBe(true)
    call(0)[how]()
    await turn()
    expect(seen()).toEqual(['firing/1', 'other/1', 'firing/2'])
    expect(call(2).delivery.signal.aborted).toBe(false)
    call(2).resolve()
    await turn()
    expect(seen()).toEqual(['firing/1', 'other/1', 'firing/2', 'resolved/2'])
    expect(settled).toEqual(['ack firing'])
  },
)

test('a key stays closed through several losses, until each handler has settled', async () => {
  const { window, offer, seen, call } = bench({ serial: true })
  offer('a', { key: 'a' })
  window.takeBack(() => true)
  offer('a', { key: 'a', attempt: 2 })
  window.takeBack(() => true)
  offer('a', { key: 'a', attempt: 3 })
  expect(seen()).toEqual(['a/1'])
  call(0).resolve()
  await turn()
  expect(seen()).toEqual(['a/1', 'a/3'])
})

test('handlers that are at work on what was taken back count towards the bound, so that losses do not add up', async () => {
  const { window, offer, seen, call } = bench({ maxInFlight: 2 })
  offer('a')
  offer('b')
  window.takeBack(() => true)
  expect([window.inFlight, window.hasRoom]).toEqual([0, false])
  offer('a', { attempt: 2 })
  expect(seen()).toEqual(['a/1', 'b/1'])
  call(1).reject()
  await turn()
  expect(seen()).toEqual(['a/1', 'b/1', 'a/2'])
})

test('each delivery has a signal of its own, which reports a loss also where it is looked at late', async () => {
  const { window, offer, call } = bench()
  offer('a')
  offer('b')
  const { signal } = call(0).delivery
  window.takeBack(({ message: { id } }) => id === 'a')
  expect(signal.aborted).toBe(true)
  expect(String(signal.reason)).toMatch(/comes again/)
  expect(call(1).delivery.signal.aborted).toBe(false)
  expect(window.inFlight).toBe(1)
  window.close()
  expect(call(1).delivery.signal.aborted).toBe(true)
})

test('what is taken back while it waits for its redelivery does not come again', async () => {
  const { window, clock, offer, seen, call } = bench()
  offer('a', { here: true })
  call(0).reject()
  await turn()
  expect(window.takeBack(() => true)).toHaveLength(1)
  await clock.advance(1_000)
  expect(seen()).toEqual(['a/1'])
  expect(clock.pending).toBe(0)
})

test('why a message could not be decoded reaches the handler', () => {
  const { window, arrival, call } = bench()
  const undecodable = new UndecodableError('bad-json', 'it is not JSON')
  window.offer({ ...arrival('a'), undecodable })
  expect(call(0).delivery.undecodable).toBe(undecodable)
})
