import { describe, expect, test } from 'vitest'
import { fixture, hanging, publishIds, range } from '../test/fixture.ts'
import { memoryBroker } from './broker.ts'
import { message } from '@armature/messaging/message'

test('the books balance also while a subscriber without a group that was stopped still works', async () => {
  const { client, broker, clock } = fixture()
  const { handle, open } = hanging()
  const subscription = await client.subscribe('t', handle, { serial: 'key' })
  await publishIds(client, range(3), { key: 'k' })
  await publishIds(client, range(3))
  await clock.advance(0)
  await subscription.stop()
  expect(broker.books()).toMatchObject({ delivered: 4, inFlight: 4 })
  open[0]!.ack()
  open[1]!.reject()
  await clock.advance(1_000)
  await subscription.close()
  expect(broker.books()).toMatchObject({ delivered: 4, acked: 1, rejected: 1, returned: 2, inFlight: 0 })
  expect(open).toHaveLength(4)
})

describe('where a group starts', () => {
  test('an offset in every partition; one cut off means the oldest kept, one to come is waited for', async () => {
    const { client, clock } = fixture({ partitions: 1, maxPartitionMessages: 4 })
    await publishIds(client, range(6))
    const seen: Record<string, string[]> = { cut: [], kept: [], ahead: [] }
    for (const [name, offset] of Object.entries({ cut: 0, kept: 4, ahead: 7 })) {
      await client.subscribe('t', async ({ id }) => void seen[name]!.push(id), { from: { offset } })
    }
    await publishIds(client, ['6', '7', '8'])
    await clock.advance(0)
    expect(seen).toEqual({
      cut: ['2', '3', '4', '5', '6', '7', '8'],
      kept: ['4', '5', '6', '7', '8'],
      ahead: ['7', '8'],
    })
  })

  test('a time', async () => {
    const { client, clock } = fixture({ partitions: 1 })
    for (const id of ['a', 'b', 'c']) {
      await publishIds(client, [id])
      await clock.advance(10)
    }
    const seen: string[] = []
    await client.subscribe('t', async ({ id }) => void seen.push(id), { from: { time: new Date(1_000_010) } })
    await clock.advance(0)
    expect(seen).toEqual(['b', 'c'])
  })

  test('all of a topic that did not exist yet is new, also while no member of the group is there', async () => {
    const { client, clock } = fixture()
    const subscription = await client.subscribe('logs.*', async () => undefined, { group: 'g' })
    await subscription.close()
    await client.publish('logs.new', [message('logs.new', '', { id: 'a' })])
    const seen: string[] = []
    await client.subscribe('logs.*', async ({ id }) => void seen.push(id), { group: 'g' })
    await clock.advance(0)
    expect(seen).toEqual(['a'])
  })

  const rejected: [string, object][] = [
    ['from.offset', { from: { offset: -1 } }],
    ['from is none of', { from: { time: new Date(Number.NaN) } }],
    ['from is none of', { from: 'newest' }],
    ['group', { group: '' }],
    ['serial', { serial: 'topic' }],
  ]
  test.each(rejected)('refuses a bad option: %s', async (problem, options) => {
    const { client } = fixture()
    await expect(client.subscribe('t', async () => undefined, options)).rejects.toThrow(problem)
  })
})

describe('connections', () => {
  test('close lets publishes that wait finish first', async () => {
    const { broker, client, clock } = fixture({ partitions: 1, maxPartitionMessages: 1 })
    const { handle, open } = hanging()
    await broker.connect().subscribe('t', handle)
    const publishing = publishIds(client, ['a', 'b'])
    let closed = false
    const closing = client.close().then(() => (closed = true))
    await clock.advance(10)
    expect(closed).toBe(false)
    open[0]!.ack()
    await publishing
    await closing
  })

  test('after a kill nothing is published, delivered or settled by it any more', async () => {
    const { broker, client, clock } = fixture({ partitions: 1, maxPartitionMessages: 2 })
    const [victim, heir] = [hanging(), hanging()]
    await client.subscribe('t', victim.handle, { group: 'g' })
    const publishing = publishIds(client, ['a', 'b', 'c'])
    const unknown = expect(publishing).rejects.toMatchObject({ fault: 'unavailable', retryable: true })
    await clock.advance(0)
    client.kill()
    client.kill()
    await expect(publishIds(client, ['d'])).rejects.toMatchObject({ fault: 'closed' })
    await broker.connect().subscribe('t', heir.handle, { group: 'g' })
    await clock.advance(0)
    for (const { ack } of victim.open) ack()
    await clock.advance(0)
    expect(heir.ids()).toEqual(['a', 'b'])
    expect(broker.books()).toMatchObject({ fenced: 2, acked: 0, returned: 2 })
    for (const { ack } of heir.open) ack()
    await unknown
  })

  test('limits out of range are refused by name', () => {
    expect(() => memoryBroker({ partitions: 0 })).toThrow('partitions is 0: give a whole number, 1 or more')
    expect(() => memoryBroker({ publishWaitMs: -1 })).toThrow('publishWaitMs')
    expect(() => memoryBroker({ maxMessageBytes: 9, maxPartitionBytes: 8 })).toThrow('no partition could hold it')
  })

  test('many handlers may listen for the end of one subscription', async () => {
    const { client, clock } = fixture()
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    let aborted = 0
    const subscription = await client.subscribe('t', ({ signal }) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted++
          reject(signal.reason as Error)
        })
      })
    })
    await publishIds(client, range(100))
    await clock.advance(0)
    await subscription.close()
    await clock.advance(0)
    process.off('warning', warn)
    expect(aborted).toBe(100)
    expect(warnings).toEqual([])
  })
})
