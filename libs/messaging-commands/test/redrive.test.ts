import { describe, expect, test } from 'vitest'
import { drivenClock, systemClock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, message, type Message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import type { Letter } from '../src/letter.ts'
import { edited } from '../src/letter-edit.ts'
import { redrive, type RedriveOptions } from '../src/redrive.ts'
import { letterOf } from '../src/letter.ts'
import { browserOf, failOn, heldIn, poison, withLetters } from './letters.ts'

const ids = (messages: readonly Message[]) => messages.map(({ id }) => id)

const run = (driver: Driver, options: Partial<RedriveOptions> & { topic: string }, publisher: Driver = driver) => {
  const left: string[] = []
  const counts = redrive(
    { publisher, browser: browserOf(driver) },
    {
      wanted: () => true,
      max: Infinity,
      maxRedrives: 3,
      perSecond: undefined,
      clock: systemClock(),
      signal: new AbortController().signal,
      dryRun: false,
      onWarning: (problem) => void left.push(problem),
      onLeft: ({ stored }: Letter, problem) => void left.push(`${stored.id}: ${problem}`),
      ...options,
    },
  )
  return { counts, left }
}

/** A driver whose publishes are seen, and held back or refused. */
const through = (driver: Driver, publish: (topic: string, messages: readonly Message[]) => Promise<void>): Driver => ({
  ...driver,
  publish: async (topic, messages) => {
    await publish(topic, messages)
    await driver.publish(topic, messages)
  },
})

describe('redrive', () => {
  test('publishes each letter where it comes from, as it was, and takes it out of the dead letters', async () => {
    const original = poison('orders.eu', 'm1', 'timeout', { key: 'k', time: new Date(5_000) })
    const { driver, letters } = await withLetters('orders.eu', [original, poison('orders.eu', 'm2')])
    const { counts, left } = run(driver, { topic: letters })
    expect(await counts).toEqual({ redriven: 2, quarantined: 0, left: 0 })
    expect(left).toEqual([])
    expect(await heldIn(driver, letters)).toEqual([])
    const [, , again] = await heldIn(driver, 'orders.eu')
    expect(again).toMatchObject({ id: 'm1', key: 'k', time: new Date(5_000) })
    expect(again?.headers).toEqual({ fail: 'timeout', own: 'kept', 'dlt-redrives': '1' })
    expect(again === undefined ? '' : bodyText(again)).toBe('body of m1')
  })

  test('takes those that are wanted, up to the maximum', async () => {
    const all = ['a', 'b', 'a', 'b', 'a'].map((reason, index) => poison('orders', `m${index}`, reason))
    const { driver, letters } = await withLetters('orders', all)
    const wanted = ({ envelope }: Letter) => envelope?.reason === 'a'
    expect(await run(driver, { topic: letters, wanted, max: 2 }).counts).toMatchObject({ redriven: 2 })
    expect(ids(await heldIn(driver, letters))).toEqual(['m1', 'm3', 'm4'])
  })

  test('publishes to another topic where it is told to', async () => {
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1')])
    await run(driver, { topic: letters, to: 'repaired' }).counts
    expect(ids(await heldIn(driver, 'repaired'))).toEqual(['m1'])
  })

  test('a letter whose topic nobody reads stays, and others go', async () => {
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1'), poison('orders', 'm2')])
    const publisher = through(driver, async (topic, messages) => {
      if (messages.some(({ id }) => id === 'm1')) throw new PublishError('nobody', { topic, fault: 'unroutable' })
    })
    const { counts, left } = run(driver, { topic: letters }, publisher)
    expect(await counts).toEqual({ redriven: 1, quarantined: 0, left: 1 })
    expect(left).toEqual([expect.stringMatching(/^m1: .*nobody/)])
    expect(ids(await heldIn(driver, letters))).toEqual(['m1'])
  })

  test('quarantines what was published again too often, with all that is known of it', async () => {
    const worn = poison('orders', 'worn', 'failed', { headers: { 'dlt-redrives': '3' } })
    const fresh = poison('orders', 'fresh', 'failed', { headers: { 'dlt-redrives': '2' } })
    const { driver, letters } = await withLetters('orders', [worn, fresh])
    expect(await run(driver, { topic: letters }).counts).toEqual({ redriven: 1, quarantined: 1, left: 0 })
    const [quarantined, ...others] = await heldIn(driver, 'orders.quarantine.DLT')
    expect(others).toEqual([])
    expect(quarantined).toMatchObject({ id: 'worn', headers: { 'dlt-redrives': '3', 'dlt-handler': 'store' } })
    expect(await heldIn(driver, letters)).toEqual([])

    const again = run(driver, { topic: 'orders.quarantine.DLT' })
    expect(await again.counts).toEqual({ redriven: 0, quarantined: 0, left: 1 })
    expect(again.left).toEqual([expect.stringMatching(/worn: .*--max-redrives/)])
    expect(await run(driver, { topic: 'orders.quarantine.DLT', maxRedrives: 4 }).counts).toMatchObject({ redriven: 1 })
    expect((await heldIn(driver, 'orders')).at(-1)).toMatchObject({ id: 'worn', headers: { 'dlt-redrives': '4' } })
  })

  test('ends in the quarantine however often it is done, where the handler goes on failing', async () => {
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1'), poison('orders', 'm2')])
    await failOn(driver, 'orders')
    for (let round = 1; round <= 3; round++) {
      expect(await run(driver, { topic: letters }).counts).toEqual({ redriven: 2, quarantined: 0, left: 0 })
      await expect.poll(async () => ids(await heldIn(driver, letters))).toEqual(['m1', 'm2'])
    }
    expect(await run(driver, { topic: letters }).counts).toEqual({ redriven: 0, quarantined: 2, left: 0 })
    expect(await heldIn(driver, letters)).toEqual([])
  })

  test('removes nothing before the broker holds it elsewhere', async () => {
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1')])
    const publishing = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const slow = through(driver, () => {
      publishing.resolve()
      return held.promise
    })
    const { counts } = run(driver, { topic: letters }, slow)
    await publishing.promise
    expect(ids(await heldIn(driver, letters))).toEqual(['m1'])
    held.resolve()
    await counts
    expect(await heldIn(driver, letters)).toEqual([])
  })

  test('leaves all where it is when the broker goes away', async () => {
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1'), poison('orders', 'm2')])
    const away = through(driver, (topic) =>
      Promise.reject(new PublishError('the broker is away', { topic, fault: 'unavailable' })),
    )
    await expect(run(driver, { topic: letters }, away).counts).rejects.toThrow('the broker is away')
    expect(ids(await heldIn(driver, letters))).toEqual(['m1', 'm2'])
  })

  test('what was published before the broker went away is removed, or told to be there twice', async () => {
    const all = Array.from({ length: 150 }, (_, index) => poison('orders', `m${index}`))
    const { driver, letters } = await withLetters('orders', all)
    let publishes = 0
    const failing = through(driver, async (topic) => {
      publishes += 1
      if (publishes === 2) throw new PublishError('the broker is away', { topic, fault: 'unavailable' })
    })
    await expect(run(driver, { topic: letters }, failing).counts).rejects.toThrow('the broker is away')
    expect(ids(await heldIn(driver, letters))).toEqual(ids(all).slice(100))

    const cut = { ...driver, browser: { ...browserOf(driver), remove: () => Promise.reject(new Error('cut off')) } }
    const { counts, left } = run(cut, { topic: letters })
    await expect(counts).rejects.toThrow('cut off')
    expect(left).toEqual([expect.stringMatching(/^50 letters are published and could not be removed/)])
  })

  test('goes round a letter that the broker refuses', async () => {
    const all = ['m1', 'm2', 'm3'].map((id) => poison('orders', id))
    const { driver, letters } = await withLetters('orders', all)
    const picky = through(driver, async (topic, messages) => {
      if (ids(messages).includes('m2')) throw new PublishError('too large', { topic, fault: 'too-large' })
    })
    const { counts, left } = run(driver, { topic: letters }, picky)
    expect(await counts).toEqual({ redriven: 2, quarantined: 0, left: 1 })
    expect(left).toEqual([expect.stringMatching(/^m2: .*too large/)])
    expect(ids(await heldIn(driver, letters))).toEqual(['m2'])
  })

  test('told to stop in the middle, it stops between two publishes and loses nothing', async () => {
    const all = Array.from({ length: 250 }, (_, index) => poison('orders', `m${index}`))
    const { driver, letters } = await withLetters('orders', all)
    const stopping = new AbortController()
    const stopped = through(driver, async () => stopping.abort())
    expect(await run(driver, { topic: letters, signal: stopping.signal }, stopped).counts).toMatchObject({
      redriven: 100,
    })
    expect(ids(await heldIn(driver, letters))).toEqual(ids(all).slice(100))
    expect(ids(await heldIn(driver, 'orders')).slice(250)).toEqual(ids(all).slice(0, 100))
  })

  test('a dry run counts and changes nothing', async () => {
    const worn = poison('orders', 'worn', 'failed', { headers: { 'dlt-redrives': '3' } })
    const { driver, letters } = await withLetters('orders', [poison('orders', 'm1'), worn])
    const counts = await run(driver, { topic: letters, dryRun: true, perSecond: 0.001 }).counts
    expect(counts).toEqual({ redriven: 1, quarantined: 1, left: 0 })
    expect(ids(await heldIn(driver, letters))).toEqual(['m1', 'worn'])
    expect(await heldIn(driver, 'orders')).toHaveLength(2)
  })

  test('keeps to its rate', async () => {
    const clock = drivenClock(0)
    const { driver, letters } = await withLetters(
      'orders',
      ['m1', 'm2', 'm3'].map((id) => poison('orders', id)),
    )
    const atMs: number[] = []
    const timed = through(driver, async () => void atMs.push(clock.now()))
    const { counts } = run(driver, { topic: letters, perSecond: 2, clock }, timed)
    await clock.advance(10_000)
    await counts
    expect(atMs).toEqual([0, 1_000])
  })

  test('takes any number of letters, in rounds', async () => {
    const driver = memoryBroker({ partitions: 1 }).connect()
    const all = Array.from({ length: 10_500 }, (_, index) => poison('orders.DLT', `m${index}`))
    await driver.publish('orders.DLT', all)
    expect(await run(driver, { topic: 'orders.DLT' }).counts).toMatchObject({ redriven: 10_500 })
    expect(await heldIn(driver, 'orders.DLT')).toEqual([])
    expect(ids(await heldIn(driver, 'orders'))).toEqual(ids(all))
  })

  test('leaves a letter that does not say where it comes from, until it is told', async () => {
    const { driver } = await withLetters('orders', [])
    await driver.publish('shop_error', [message('shop_error', 'x', { id: 'm1' })])
    const { counts, left } = run(driver, { topic: 'shop_error' })
    expect(await counts).toEqual({ redriven: 0, quarantined: 0, left: 1 })
    expect(left).toEqual([expect.stringMatching(/m1: .*--to/)])
    expect(await run(driver, { topic: 'shop_error', to: 'shop' }).counts).toMatchObject({ redriven: 1 })
  })
})

test('an edited letter has the new body and headers, and says so', async () => {
  const { driver, letters } = await withLetters('orders', [poison('orders', 'm1')])
  const [held] = await heldIn(driver, letters)
  if (held === undefined) throw new Error('no letter')
  const edits = { body: Buffer.from('new'), headers: new Map(Object.entries({ own: '', added: 'x' })) }
  const message = edited(letterOf(held), 'orders', edits, drivenClock(0))
  expect(message).toMatchObject({ id: 'm1', topic: 'orders' })
  expect(bodyText(message)).toBe('new')
  const mark = { 'dlt-redrives': '1', 'dlt-edited-time': '1970-01-01T00:00:00.000Z' }
  expect(message.headers).toEqual({ fail: 'failed', added: 'x', ...mark })
})
