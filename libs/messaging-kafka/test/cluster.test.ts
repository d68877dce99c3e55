import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import type { ClusterNode, RunningCluster } from '@armature/servers/cluster'
import { startKafka } from '@armature/servers/kafka'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { elementAt } from '@armature/async/element-at'
import { kafkaCluster } from '../src/cluster.ts'
import { openKafka } from '../src/driver.ts'
import { kafkaSettings } from '../src/settings.ts'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { asAdmin, cuttableSockets, keys, withOptions } from './fixture.ts'
import { ledger, writeAll } from '@armature/messaging-kit/loss-ledger'

const count = 3_000
const deadlineMs = 240_000
const keyCount = 30

describe.skipIf(skipped('kafka'))('three brokers of Kafka', { timeout: deadlineMs }, () => {
  let cluster: RunningCluster
  let open: Driver[] = []

  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 })
  }, serverDeadlineMs)
  afterEach(async () => {
    const drivers = open
    open = []
    await Promise.all(drivers.map((driver) => driver.close()))
  })
  afterAll(() => cluster?.stop())

  const url = () => withOptions(cluster.url, { sessionTimeoutMs: 2_000, publishWaitMs: 120_000, partitions: 6 })
  const connect = async (sockets?: ReturnType<typeof cuttableSockets>['sockets']): Promise<Driver> => {
    const driver = await openKafka(url(), { warn: () => undefined, ...(sockets === undefined ? {} : { sockets }) })
    open.push(driver)
    return driver
  }
  const eventually = (assertion: () => void | Promise<void>) =>
    vi.waitFor(assertion, { timeout: deadlineMs / 2, interval: 50 })

  const ask = async <Answer>(use: (own: ReturnType<typeof kafkaCluster>) => Promise<Answer>): Promise<Answer> => {
    const own = kafkaCluster({ settings: await kafkaSettings(url()), warn: () => undefined })
    try {
      await own.open()
      return await own.retry('asking', () => use(own), deadlineMs / 4)
    } finally {
      own.close()
    }
  }
  /** Nodes are numbered from 1. */
  const nodeOf = (number: number): ClusterNode => elementAt(cluster.nodes, number - 1)
  const leadersOf = (topic: string) =>
    ask(async (own) => {
      const [found] = await own.metadata([topic])
      const leaders = [...(found?.partitionMetadata ?? [])].sort((a, b) => a.partitionId - b.partitionId)
      if (leaders.length === 0) throw new Error('the topic is not there yet')
      return leaders.map(({ leader }) => leader)
    })
  const coordinatorOf = (group: string) =>
    ask(async (own) => {
      const answer = await (await own.any()).call('GroupCoordinator', { groupId: group })
      if (answer.errorCode !== 0) throw new Error(`the coordinator: ${answer.errorCode}`)
      return answer.coordinator.nodeId
    })
  const recordsIn = async (topic: string): Promise<number> => {
    const offsets = await asAdmin(cluster.url, (admin) => admin.fetchTopicOffsets(topic))
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  }

  /** Two members of a group read while one publisher writes and the cluster is disturbed: nothing is lost, doubled or out of order. */
  const flow = async (disturb: (topic: string, group: string) => Promise<void>) => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [publisher, one, two] = [await connect(), await connect(), await connect()]
    const book = ledger()
    const ids: string[] = []
    for (const member of [one, two]) {
      await member.subscribe(
        topic,
        async ({ id }) => {
          ids.push(id)
          book.stored(id)
        },
        { group, serial: 'key' },
      )
    }
    let disturbed: Promise<void> | undefined
    await writeAll(publisher, book, {
      topic,
      count,
      concurrent: 1,
      batch: 20,
      message: (number) => message(topic, `body ${number}`, { id: `${number}`, key: `key-${number % keyCount}` }),
      onProgress: (settled) => {
        if (settled >= count / 4) disturbed ??= disturb(topic, group)
      },
    })
    await disturbed
    await eventually(() => expect(new Set(ids).size).toBe(count))
    const { lost, unattempted, counts } = book.result()
    expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
    await eventually(async () => expect(await recordsIn(topic)).toBe(count))
    const last = new Map<number, number>()
    for (const number of [...new Set(ids)].map(Number)) {
      const key = number % keyCount
      expect(number, `${number} came after a later one of its key`).toBeGreaterThan(last.get(key) ?? -1)
      last.set(key, number)
    }
  }

  test('a leader is killed: nothing is lost, doubled or out of order', () =>
    flow(async (topic) => {
      const leader = nodeOf(elementAt(await leadersOf(topic), 0))
      await leader.crash()
      await eventually(async () => expect(await leadersOf(topic)).not.toContain(-1))
      await leader.restart()
    }))

  test('leaders move, to and fro: nothing is lost, doubled or out of order', () =>
    flow(async (topic) => {
      for (let round = 0; round < 3; round++) {
        const before = await leadersOf(topic)
        const others = (leader: number) => [1, 2, 3].filter((id) => id !== leader)
        await asAdmin(cluster.url, (admin) =>
          admin.alterPartitionReassignments({
            topics: [
              {
                topic,
                partitionAssignment: before.map((leader, partition) => ({ partition, replicas: others(leader) })),
              },
            ],
          }),
        )
        await eventually(async () => {
          const now = await leadersOf(topic)
          expect(now.filter((leader, partition) => leader === before[partition] || leader < 0)).toEqual([])
        })
      }
    }))

  test('the coordinator is killed: members go on at its successor, and nothing is lost, doubled or out of order', () =>
    flow(async (_, group) => {
      const first = await coordinatorOf(group)
      await nodeOf(first).crash()
      await eventually(async () => expect(await coordinatorOf(group)).not.toBe(first))
      await nodeOf(first).restart()
    }))

  test('a node hangs, then goes on: nothing is lost, doubled or out of order', () =>
    flow(async (topic) => {
      const [leader = 1] = await leadersOf(topic)
      nodeOf(leader).suspend()
      try {
        await eventually(async () => expect(await leadersOf(topic)).not.toContain(leader))
      } finally {
        nodeOf(leader).resume()
      }
    }))

  test('each node is restarted in turn: nothing is lost, doubled or out of order', () =>
    flow(async (topic) => {
      for (const node of cluster.nodes) {
        await node.restart()
        await eventually(async () => expect(await leadersOf(topic)).not.toContain(-1))
      }
    }))

  test('bug: a member that is cut off from its coordinator alone went on fetching from the other nodes', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const { sockets, hold, release } = cuttableSockets()
    const [lonely, heir] = [await connect(sockets), await connect()]
    const [first, second] = [recorder(), recorder()]
    await lonely.subscribe(topic, first.handle, { group })
    hold([nodeOf(await coordinatorOf(group)).port])
    await heir.subscribe(topic, second.handle, { group })
    await eventually(async () => {
      await heir.publish(topic, numbered(topic, keys.length, keys))
      expect(new Set(second.deliveries.map(({ key }) => key)).size).toBe(keys.length)
    })
    const messages = numbered(topic, 40, keys)
    await heir.publish(topic, messages)
    const own = new Set(messages.map(({ id }) => id))
    await eventually(() => expect(second.ids().filter((id) => own.has(id))).toHaveLength(40))
    expect(first.ids().filter((id) => own.has(id))).toEqual([])
    // It comes back by itself.
    const before = first.deliveries.length
    release()
    await eventually(async () => {
      await heir.publish(topic, numbered(topic, keys.length, keys))
      expect(first.deliveries.length).toBeGreaterThan(before)
    })
  })
})
