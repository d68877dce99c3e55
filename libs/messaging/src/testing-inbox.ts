import { drivenClock } from '@armature/async/clock'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Inbox } from './inbox.ts'

export interface InboxUnderTest {
  readonly inbox: Inbox
  /** Lets time pass for the inbox. */
  pass(ms: number): Promise<void>
}

const contents = 'c1'
const leaseMs = 60_000
const expiryMs = 60_000

/** What every inbox does. `open` gives an inbox that knows no key that begins with its name. */
export const inboxConformance = (name: string, open: () => Promise<InboxUnderTest>): void => {
  describe(`${name} inbox`, () => {
    let world: InboxUnderTest
    let count = 0
    const key = () => ({ handler: 'billing.store', key: `k${count}\0 é` })
    beforeEach(async () => {
      count += 1
      world = await open()
    })
    const claim = (changed: Partial<{ contents: string; leaseMs: number }> = {}) =>
      world.inbox.claim(key(), { contents, leaseMs, ...changed })

    test('gives a message to one who asks, of many at once', async () => {
      const states = await Promise.all(Array.from({ length: 10 }, () => claim()))
      expect(states.map(({ state }) => state).sort()).toEqual([...Array<string>(9).fill('busy'), 'claimed'])
    })

    test('tells handlers and keys apart', async () => {
      await claim()
      const other = { handler: 'billing.tell', key: key().key }
      expect(await world.inbox.claim(other, { contents, leaseMs })).toEqual({ state: 'claimed' })
      const next = { ...key(), key: `${key().key}x` }
      expect(await world.inbox.claim(next, { contents, leaseMs })).toEqual({ state: 'claimed' })
    })

    test('remembers what was handled, with its contents, until its time is over', async () => {
      await claim({ contents: 'first' })
      await world.inbox.finish(key(), { contents: 'first', expiryMs: 2_000 })
      expect(await claim({ contents: 'second' })).toEqual({ state: 'handled', contents: 'first' })
      await world.pass(2_500)
      expect(await claim()).toEqual({ state: 'claimed' })
    })

    test('gives a message again that was given back', async () => {
      await claim()
      await world.inbox.release(key())
      expect(await claim()).toEqual({ state: 'claimed' })
    })

    test('gives a message again whose claim has ended, as after a kill', async () => {
      await claim({ leaseMs: 2_000 })
      expect(await claim()).toEqual({ state: 'busy' })
      await world.pass(2_500)
      expect(await claim()).toEqual({ state: 'claimed' })
    })

    test('remembers what was handled although the claim had ended and somebody gave it back', async () => {
      await claim()
      await world.inbox.finish(key(), { contents, expiryMs })
      await world.inbox.release(key())
      expect(await claim()).toEqual({ state: 'handled', contents })
    })
  })
}

/** A clock for `pass`. */
export const drivenInbox = (open: (clock: ReturnType<typeof drivenClock>) => Inbox): InboxUnderTest => {
  const clock = drivenClock()
  return { inbox: open(clock), pass: (ms) => clock.advance(ms) }
}
