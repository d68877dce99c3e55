import { describe, expect, test } from 'vitest'
import { systemClock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { message, tombstone, type Message } from '@armature/messaging/message'
import type { Driver, Publisher } from '@armature/messaging/ports'
import { redrive } from '../src/redrive.ts'
import { browserOf, heldIn, poison, withLetters } from './letters.ts'

const run = async (driver: Driver, topic: string, publisher: Publisher = driver) => {
  const left: string[] = []
  const counts = await redrive(
    { publisher, browser: browserOf(driver) },
    {
      ...{ topic, wanted: () => true, max: Infinity, maxRedrives: 3, perSecond: undefined, clock: systemClock() },
      ...{ signal: new AbortController().signal, dryRun: false, onWarning: () => undefined },
      onLeft: (_, problem) => void left.push(problem),
    },
  )
  return { counts, left }
}

const letter = (headers: Record<string, string>): Message =>
  message('orders.DLT', 'x', {
    id: 'm1',
    headers: { 'dlt-envelope-version': '1', 'kafka_dlt-original-topic': 'orders', ...headers },
  })

describe('redrive of what other programs sent', () => {
  test('keeps the bytes of a key, and a tombstone', async () => {
    const sent = [
      { ...poison('orders', 'm1', 'failed', { keyBytes: Buffer.of(0xff, 0) }) },
      tombstone('orders', { id: 'm2', key: '', headers: { fail: 'failed' } }),
    ]
    const { driver, letters } = await withLetters('orders', sent)
    expect((await run(driver, letters)).counts).toEqual({ redriven: 2, quarantined: 0, left: 0 })
    const again = (await heldIn(driver, 'orders')).filter(({ headers }) => headers['dlt-redrives'] === '1')
    expect(again).toMatchObject([
      { id: 'm1', key: ':/wA=:', keyBytes: Uint8Array.of(0xff, 0) },
      { id: 'm2', key: '', tombstone: true, body: Buffer.of() },
    ])
  })

  test('gives headers their own names again, save for those that no CloudEvent can have', async () => {
    const driver = memoryBroker().connect()
    const raw = {
      'dlt-raw-content-type': 'text/plain',
      'dlt-raw-a%20b': '1',
      'dlt-raw-source': 'my app',
      'dlt-raw-ce_id': 'i',
    }
    await driver.publish('orders.DLT', [letter(raw)])
    await run(driver, 'orders.DLT')
    const [again] = await heldIn(driver, 'orders')
    expect(again?.headers).toEqual({
      'content-type': 'text/plain',
      'a b': '1',
      'dlt-raw-source': 'my app',
      'dlt-raw-ce_id': 'i',
      'dlt-redrives': '1',
    })
  })

  test('leaves them renamed where the broker cannot carry them', async () => {
    const driver = memoryBroker().connect()
    await driver.publish('orders.DLT', [letter({ 'dlt-raw-a%20b': '1', own: 'x' })])
    const picky: Publisher = {
      ...driver,
      publish: async (topic, messages) => {
        if (messages.some(({ headers }) => 'a b' in headers))
          throw new PublishError('no', { topic, fault: 'bad-message' })
        await driver.publish(topic, messages)
      },
    }
    expect((await run(driver, 'orders.DLT', picky)).counts).toMatchObject({ redriven: 1, left: 0 })
    const [again] = await heldIn(driver, 'orders')
    expect(again?.headers).toEqual({ 'dlt-raw-a%20b': '1', own: 'x', 'dlt-redrives': '1' })
  })

  test('leaves a letter of which the body was cut off', async () => {
    const driver = memoryBroker().connect()
    await driver.publish('orders.DLT', [letter({ 'dlt-cut-body-bytes': '1000000' })])
    const { counts, left } = await run(driver, 'orders.DLT')
    expect(counts).toEqual({ redriven: 0, quarantined: 0, left: 1 })
    expect(left).toEqual([expect.stringMatching(/first 1 of 1000000 bytes/)])
    expect(await heldIn(driver, 'orders.DLT')).toHaveLength(1)
  })
})
