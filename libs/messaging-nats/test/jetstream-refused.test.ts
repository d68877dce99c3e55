import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { openJetstream } from '../src/jetstream-driver.ts'
import { driverUrl, rawClient } from './fixture.ts'

let url: string
let raw: NatsConnection
let jsm: JetStreamManager
let driver: Driver

beforeAll(async () => {
  url = await serverUrl('nats')
  raw = await rawClient(url)
  jsm = await jetstreamManager(raw)
  driver = await openJetstream(driverUrl('jetstream', url, 'ackWaitMs=60000'), { warn: () => undefined })
}, serverDeadlineMs)

const streams: string[] = []

afterEach(async () => {
  await Promise.all(streams.splice(0).map((name) => jsm.streams.delete(name)))
})

afterAll(async () => {
  await driver?.close()
  await raw?.close()
})

/** Two streams for `<token>.*`. The second one, by name, takes one consumer only, and has it already. */
const twoStreams = async () => {
  const token = `refused-${randomUUID()}`
  for (const [at, retention] of (['limits', 'workqueue'] as const).entries()) {
    const name = `${token}-${at}`
    streams.push(name)
    await jsm.streams.add({ name, subjects: [`${token}.${at}`], retention })
  }
  await jsm.consumers.add(`${token}-1`, { durable_name: 'other', ack_policy: 'explicit' })
  return token
}

test('bug: a subscription that was refused went on calling its handler, for the streams that it had opened', async () => {
  const token = await twoStreams()
  const refused: string[] = []
  const handle = async ({ id }: { id: string }) => void refused.push(id)
  await expect(driver.subscribe(`${token}.*`, handle, { group: 'g' })).rejects.toThrow(/workqueue|unique/)
  const seen: string[] = []
  await driver.publish(`${token}.0`, [message(`${token}.0`, '', { id: '1' })])
  await driver.subscribe(`${token}.0`, async ({ id }) => void seen.push(id), { group: 'h', from: 'earliest' })
  await vi.waitFor(() => expect(seen).toEqual(['1']), { timeout: 5_000, interval: 10 })
  // The consumer of the refused group is there, and nobody takes its messages.
  const waiting = async () => {
    const found = await jsm.consumers.list(`${token}-0`).next()
    return found.find(({ config }) => config.metadata?.['armature.group'] === 'g')?.num_pending
  }
  await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 5_000, interval: 10 })
  expect(refused).toEqual([])
})
