import { randomUUID } from 'node:crypto'
import type { RunningCluster } from '@armature/servers/cluster'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { bodyText, message } from '@armature/messaging/message'
import { openNats, type NatsDriver } from '../src/driver.ts'
import { cutProxy, type CutProxy } from '@armature/servers/cut-proxy'

const timeout = 90_000

let cluster: RunningCluster
const ways: CutProxy[] = []
const open: NatsDriver[] = []

beforeAll(async () => {
  const before = async (port: number) => {
    const way = await cutProxy(`nats://127.0.0.1:${port}`)
    ways.push(way)
    return Number(new URL(way.url).port)
  }
  cluster = await startNats({ nodes: 3, before })
}, serverDeadlineMs)

afterEach(async () => {
  await Promise.all(open.splice(0).map((driver) => driver.close()))
})

afterAll(() => cluster?.stop())

/** Knows of one node at first; the cluster tells it of the others. */
const connect = async (url = cluster.url): Promise<NatsDriver> => {
  const driver = await openNats(url)
  open.push(driver)
  return driver
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 30_000, interval: 20 })

/** Publishes until somebody has it: what nobody listens to is lost. */
const arrives = (publisher: NatsDriver, topic: string, seen: readonly string[], text: string) =>
  eventually(async () => {
    await publisher.publish(topic, [message(topic, text)])
    expect(seen).toContain(text)
  })

test('publishers and subscribers go on over another node when theirs is killed', { timeout }, async () => {
  const topic = `cluster.${randomUUID()}`
  const [first] = cluster.nodes
  const [publisher, subscriber] = [await connect(first?.url), await connect(first?.url)]
  const seen: string[] = []
  await subscriber.subscribe(topic, async (delivery) => void seen.push(bodyText(delivery)))
  await arrives(publisher, topic, seen, 'whole')
  for (const [index, node] of cluster.nodes.entries()) {
    await node.crash()
    await arrives(publisher, topic, seen, `without ${index}`)
    await node.restart()
    await arrives(publisher, topic, seen, `with ${index} again`)
  }
})

test('a node that they are cut off from is as good as dead to them', { timeout }, async () => {
  const topic = `cluster.${randomUUID()}`
  const [way] = ways
  const [publisher, responder] = [await connect(cluster.nodes[0]?.url), await connect(cluster.nodes[0]?.url)]
  await responder.respond(topic, async (request) => message(topic, `hello ${bodyText(request)}`))
  way?.cut()
  try {
    await eventually(async () => {
      const answer = await publisher.request(topic, message(topic, 'you'), { timeoutMs: 1_000 })
      expect(bodyText(answer)).toBe('hello you')
    })
  } finally {
    await way?.mend()
  }
})

test('members of a group on different nodes share its messages, each has one of them', { timeout }, async () => {
  const topic = `cluster.${randomUUID()}`
  const seen: string[] = []
  for (const { url } of cluster.nodes) {
    const member = await connect(url)
    await member.subscribe(topic, async (delivery) => void seen.push(bodyText(delivery)), { group: 'g' })
  }
  const publisher = await connect()
  // Each node knows of the members on the others.
  await arrives(publisher, topic, seen, 'ready')
  seen.length = 0
  const texts = Array.from({ length: 300 }, (_, at) => String(at))
  await publisher.publish(
    topic,
    texts.map((text) => message(topic, text)),
  )
  await eventually(() => expect(seen.filter((text) => text !== 'ready')).toHaveLength(texts.length))
  expect(new Set(seen.filter((text) => text !== 'ready'))).toEqual(new Set(texts))
})
