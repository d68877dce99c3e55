import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import type { KeyValue } from '@armature/messaging/key-value'
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openJetstreamKeyValue } from '../src/key-value.ts'
import { driverUrl } from './fixture.ts'

let url: string
const open: KeyValue[] = []

const bucketOf = async (name: string, at = url): Promise<KeyValue> => {
  const bucket = await openJetstreamKeyValue(driverUrl('jetstream', at), name)
  open.push(bucket)
  return bucket
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((bucket) => bucket.close()))
})

describe.skipIf(skipped('nats'))('a bucket of JetStream', () => {
  beforeAll(async () => {
    url = await serverUrl('nats')
  }, serverDeadlineMs)

  test('of two who write one key at once one is refused', async () => {
    const name = `kv-${randomUUID()}`
    const [one, two] = [await bucketOf(name), await bucketOf(name)]
    const revision = await one.put('a.b-1', 'first', 0)
    const writes = await Promise.allSettled([one.put('a.b-1', 'one', revision), two.put('a.b-1', 'two', revision)])
    expect(writes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(writes.find((each) => each.status === 'rejected')?.reason).toMatchObject({ name: 'KeyValueConflict' })
    await expect(two.put('a.b-1', 'new', 0)).rejects.toMatchObject({ name: 'KeyValueConflict' })
    await expect(two.remove('a.b-1', revision)).rejects.toMatchObject({ name: 'KeyValueConflict' })
    const held = await two.get('a.b-1')
    await two.remove('a.b-1', held?.revision ?? 0)
    expect(await one.get('a.b-1')).toBeUndefined()
    expect(await one.put('a.b-1', 'again', 0)).toBeGreaterThan(revision)
  })

  test('a watch tells what is there, then each change of anybody', async () => {
    const name = `kv-${randomUUID()}`
    const writer = await bucketOf(name)
    const revision = await writer.put('a', 'one', 0)
    await writer.remove('a', revision)
    await writer.put('b', 'two', 0)
    const seen: string[] = []
    const reader = await bucketOf(name)
    await reader.watch((key, entry) => seen.push(`${key} ${entry?.value ?? 'removed'}`))
    expect(seen).toContain('b two')
    const later = await writer.put('c', 'three', 0)
    await writer.remove('c', later)
    await expect.poll(() => seen.slice(-2), { timeout: 10_000 }).toEqual(['c three', 'c removed'])
  })

  test('a watch of an empty bucket begins at once', async () => {
    const bucket = await bucketOf(`kv-${randomUUID()}`)
    await bucket.watch(() => undefined)
  })

  test(
    'what was put outlives a crash of the server, and the watch goes on',
    { timeout: serverDeadlineMs },
    async () => {
      const server = await startNats()
      onTestFinished(() => server.stop())
      const bucket = await bucketOf('kv', server.url)
      const seen: string[] = []
      await bucket.watch((key, entry) => seen.push(`${key} ${entry?.value ?? 'removed'}`))
      const revision = await bucket.put('a', 'one', 0)
      await server.crash()
      await server.restart()
      const put = async () => bucket.put('a', 'two', revision).catch(() => 0)
      await expect.poll(put, { timeout: 30_000 }).toBeGreaterThan(revision)
      await expect.poll(() => seen.at(-1), { timeout: 30_000 }).toBe('a two')
    },
  )

  test('bug: nothing could be removed from a bucket that others had made without a time to live of messages', async () => {
    const name = `kv-${randomUUID()}`
    const nc = await connect({ servers: url })
    onTestFinished(() => nc.close())
    await new Kvm(nc).create(name)
    const bucket = await bucketOf(name)
    await bucket.remove('a', await bucket.put('a', 'one', 0))
    expect(await bucket.get('a')).toBeUndefined()
  })

  test('bug: a bucket that was deleted was not followed any more, and took nothing until the process was started again', async () => {
    const name = `kv-${randomUUID()}`
    const nc = await connect({ servers: url })
    onTestFinished(() => nc.close())
    const seen: string[] = []
    const bucket = await bucketOf(name)
    await bucket.watch(
      (key, entry) => seen.push(`${key} ${entry?.value ?? 'removed'}`),
      () => seen.push('lost'),
    )
    await bucket.put('a', 'one', 0)
    await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe('a one')
    const manager = await jetstreamManager(nc)
    await manager.streams.delete(`KV_${name}`)
    const put = async () => bucket.put('b', 'two', 0).catch(() => 0)
    await expect.poll(put, { timeout: 30_000 }).toBeGreaterThan(0)
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['a one', 'lost', 'b two'])
  })

  test('a server without JetStream is refused with what to do', { timeout: serverDeadlineMs }, async () => {
    const server = await startNats({ jetstream: false })
    onTestFinished(() => server.stop())
    await expect(bucketOf('kv', server.url)).rejects.toThrow('the server has no JetStream')
  })
})
