import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { jsonMessage } from '@armature/messaging/message'
import { openDriver } from './raw.ts'
import type { Driver } from '@armature/messaging/ports'
import { streamsUrl } from './raw.ts'

/** redis-cli knows nothing of ours: what it reads and writes is what any client does. */
vi.setConfig({ testTimeout: 30_000 })

let server: string
let drivers: Driver[] = []
let programs: Program[] = []

beforeAll(async () => {
  server = await serverUrl('redis')
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()))
  await Promise.all(drivers.map((driver) => driver.close()))
  drivers = []
  programs = []
})

const cli = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)('redis-cli', ['-u', server, '--raw', ...args])).stdout.trimEnd()
const open = async (url: string) => {
  const driver = await openDriver(url)
  drivers.push(driver)
  return driver
}
const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000, interval: 10 })

describe('redis-cli and redis-streams:', () => {
  test('reads what the driver publishes, field by field', async () => {
    const topic = uniqueTopic()
    const driver = await open(streamsUrl(server))
    const time = new Date('2024-02-29T12:34:56.789Z')
    await driver.publish(topic, [jsonMessage(topic, { total: 9 }, { id: 'order-1', key: 'customer-7', time })])
    const [, ...fields] = (await cli('XRANGE', `armature:${topic}`, '-', '+')).split('\n')
    expect(fields).toEqual(
      [
        ['ce_specversion', '1.0'],
        ['ce_id', 'order-1'],
        ['ce_source', '/armature'],
        ['ce_type', topic],
        ['ce_time', '2024-02-29T12:34:56.789Z'],
        ['ce_partitionkey', 'customer-7'],
        ['content-type', 'application/json'],
        ['body', '{"total":9}'],
      ].flat(),
    )
  })

  test('writes what the driver delivers: an event, and fields of its own', async () => {
    const topic = uniqueTopic()
    const driver = await open(streamsUrl(server))
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group: 'billing' })
    const key = `armature:${topic}`
    await cli(
      'XADD',
      key,
      '*',
      'ce_specversion',
      '1.0',
      'ce_id',
      'e-1',
      'ce_source',
      '/s',
      'ce_type',
      't',
      'body',
      'event',
    )
    const id = await cli('XADD', key, '*', 'customer', '7')
    await eventually(() => expect(seen.acked).toHaveLength(2))
    expect(seen.deliveries.map((each) => each.id)).toEqual(['e-1', `${topic}+0+${id}`])
    expect(Buffer.from(seen.deliveries[0]?.body ?? []).toString()).toBe('event')
    expect(seen.deliveries[1]?.headers).toEqual({ customer: '7' })
  })

  test('a member of its own shares a group with the driver', async () => {
    const topic = uniqueTopic()
    const driver = await open(streamsUrl(server))
    const subscription = await driver.subscribe(topic, async () => undefined, { group: 'billing' })
    await subscription.close()
    await driver.publish(topic, [jsonMessage(topic, 1, { id: 'taken-by-cli' })])
    const key = `armature:${topic}`
    expect(await cli('XREADGROUP', 'GROUP', 'billing', 'cli', 'STREAMS', key, '>')).toContain('taken-by-cli')
    await driver.publish(topic, [jsonMessage(topic, 2, { id: 'taken-by-driver' })])
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group: 'billing' })
    await eventually(() => expect(seen.ids()).toEqual(['taken-by-driver']))
  })
})

describe('redis-cli and redis:', () => {
  test('hears what the driver publishes, as JSON', async () => {
    const topic = uniqueTopic()
    const listener = startProgram('redis-cli', ['-u', server, '--raw', 'SUBSCRIBE', topic])
    programs.push(listener)
    await listener.until(/subscribe\n.*\n1/)
    const driver = await open(server)
    await driver.publish(topic, [jsonMessage(topic, { total: 9 }, { id: 'order-1' })])
    const [line = ''] = await listener.until(/\{.*\}/)
    expect(JSON.parse(line)).toMatchObject({ id: 'order-1', type: topic, data: { total: 9 } })
  })

  test('says what the driver delivers: an event, and plain text', async () => {
    const topic = uniqueTopic()
    const driver = await open(server)
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    await cli('PUBLISH', topic, '{"specversion":"1.0","id":"e-1","source":"/s","type":"t","data":{"total":9}}')
    await cli('PUBLISH', topic, 'plain')
    await eventually(() => expect(seen.acked).toHaveLength(2))
    expect(seen.deliveries.map(({ body }) => Buffer.from(body).toString())).toEqual(['{"total":9}', 'plain'])
    expect(seen.deliveries[0]?.id).toBe('e-1')
  })
})
