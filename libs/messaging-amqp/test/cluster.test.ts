import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startRabbitmq, type RunningRabbitmq } from '@armature/servers/rabbitmq'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { openAmqp } from '../src/driver.ts'
import { elementAt } from '@armature/async/element-at'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { withOptions } from './fixture.ts'
import { cutProxy, type CutProxy } from '@armature/servers/cut-proxy'

const timeout = 240_000
const callers = 5

/** Each quorum queue gets another leader. Answers `ok` for each. */
const moveLeaders = `[begin
  {Name, Node} = amqqueue:get_pid(Queue),
  [Next | _] = [Each || Each <- maps:get(nodes, amqqueue:get_type_state(Queue)), Each =/= Node],
  ra:transfer_leadership({Name, Node}, {Name, Next})
end || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue].`

/** RabbitMQ 3.10 writes the names of new quorum queues to the disk up to three seconds late. */
const writeQueueNames = 'rpc:multicall(lists, foreach, [fun dets:sync/1, dets:all()]).'

describe.skipIf(skipped('rabbitmq'))('three nodes of RabbitMQ', { timeout }, () => {
  let cluster: RunningRabbitmq
  const ways: CutProxy[] = []
  const open: Driver[] = []

  beforeAll(async () => {
    const before = async (port: number) => {
      const way = await cutProxy(`amqp://127.0.0.1:${port}`)
      ways.push(way)
      return Number(new URL(way.url).port)
    }
    cluster = await startRabbitmq({ nodes: 3, before })
  }, serverDeadlineMs)
  afterEach(() => Promise.all(open.splice(0).map((driver) => driver.close())))
  afterAll(() => cluster?.stop())

  /** The first node of the list is connected to first, and leads the queues that are made there. */
  const connect = async (options: Readonly<Record<string, string>>) => {
    const given = { publishWaitMs: '60000', heartbeatSeconds: '3', ...options }
    const driver = await openAmqp(withOptions(cluster.url, given), { warn: () => undefined })
    open.push(driver)
    return driver
  }

  /** Callers that publish one after the other until `end`, and two members of a group that handle it. */
  const load = async (topic: string, options: Readonly<Record<string, string>>) => {
    const [publisher, one, two] = [await connect(options), await connect(options), await connect(options)]
    const handled: string[] = []
    const handle = async ({ id }: { readonly id: string }) => void handled.push(id)
    for (const member of [one, two]) await member.subscribe(topic, handle, { group: 'sink' })
    const confirmed: string[] = []
    let isOver = false
    const call = async (caller: number) => {
      for (let number = 0; !isOver; number++) {
        const id = `${caller}/${number}`
        await publisher.publish(topic, [message(topic, 'x', { id, key: String(caller) })])
        confirmed.push(id)
      }
    }
    const calls = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
    let failure: unknown
    calls.catch((error: unknown) => (failure = error))
    return {
      handled,
      goesOn: () => {
        const [published, delivered] = [confirmed.length + 100, new Set(handled).size + 100]
        return vi.waitFor(
          () => {
            expect(failure).toBeUndefined()
            expect(confirmed.length).toBeGreaterThan(published)
            expect(new Set(handled).size).toBeGreaterThan(delivered)
          },
          { timeout: 60_000, interval: 50 },
        )
      },
      end: async () => {
        isOver = true
        await calls
        await vi.waitFor(
          () => {
            const ids = new Set(handled)
            expect(confirmed.filter((id) => !ids.has(id))).toEqual([])
          },
          { timeout: 60_000, interval: 50 },
        )
      },
    }
  }

  /** Groups of both kinds are at work while the cluster is disturbed. Nothing confirmed is lost; with singleActive keys are in order. */
  const flow = async (disturb: (goesOn: () => Promise<unknown>) => Promise<void>) => {
    const topic = uniqueTopic()
    const shared = await load(topic, {})
    const inOrder = await load(topic, { exchange: 'ordered', singleActive: 'true' })
    const goesOn = () => Promise.all([shared.goesOn(), inOrder.goesOn()])
    await goesOn()
    await cluster.control('eval', writeQueueNames)
    await disturb(goesOn)
    await goesOn()
    await Promise.all([shared.end(), inOrder.end()])
    const last = new Map<string, number>()
    for (const id of new Set(inOrder.handled)) {
      const [caller = '', number] = id.split('/')
      expect(Number(number), `${id} came after a later one`).toBeGreaterThan(last.get(caller) ?? -1)
      last.set(caller, Number(number))
    }
  }

  test('bug: publishers were refused for as long as the node was away that had led the queue', () =>
    flow(async (goesOn) => {
      const leader = elementAt(cluster.nodes, 0)
      await leader.crash()
      await goesOn()
      await leader.restart()
    }))

  test('leaders move', () =>
    flow(async (goesOn) => {
      for (let round = 0; round < 2; round++) {
        expect(await cluster.control('eval', moveLeaders)).toContain('ok')
        await goesOn()
      }
    }))

  test('clients are cut off from a node', () =>
    flow(async (goesOn) => {
      const way = elementAt(ways, 0)
      way.cut()
      try {
        await goesOn()
      } finally {
        await way.mend()
      }
    }))

  test('each node is killed and started again in turn', () =>
    flow(async (goesOn) => {
      for (const node of cluster.nodes) {
        await node.restart()
        await goesOn()
      }
    }))
})
