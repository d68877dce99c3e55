import { skipped } from '@armature/servers/fixture'
import { describe, expect, test } from 'vitest'
import { idsOf, numbered, recorder, turnstile, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { openKafka } from '../src/driver.ts'
import { apis, cuttableSockets, eventually, keys, sharedKafka } from './fixture.ts'

describe.skipIf(skipped('kafka'))('a member that is out of its group', () => {
  const { url, connect, keep } = sharedKafka()

  /** A member whose coordinator does not answer it any more, while its fetches go on; and the one that takes over. */
  const cutOff = async (topic: string, handle?: Parameters<typeof recorder>[0]) => {
    const group = `g-${topic}`
    const options = { sessionTimeoutMs: 1_000, partitions: 4 }
    const { sockets, deafen } = cuttableSockets()
    const driver = keep(await openKafka(url(options), { warn: () => undefined, sockets }))
    const [lonely, heir] = [recorder(handle), recorder()]
    await driver.subscribe(topic, lonely.handle, { group })
    return {
      lonely,
      heir,
      leaveAlone: () => deafen((sent) => sent.has(apis.joinGroup)),
      succeed: async () => {
        const successor = await connect(options)
        await successor.subscribe(topic, heir.handle, { group })
        const probes = new Set<string>()
        await eventually(async () => {
          const messages = numbered(topic, keys.length, keys)
          for (const { id } of messages) probes.add(id)
          await successor.publish(topic, messages)
          const seen = new Set(heir.deliveries.filter(({ id }) => probes.has(id)).map(({ key }) => key))
          expect(seen.size).toBe(keys.length)
        })
        return successor
      },
    }
  }

  test(
    'bug: a member whose heartbeats were not answered for a session went on fetching: another handled the same',
    { timeout: 60_000 },
    async () => {
      const topic = uniqueTopic()
      const { lonely, heir, leaveAlone, succeed } = await cutOff(topic)
      leaveAlone()
      const publisher = await succeed()
      const messages = numbered(topic, 40, keys)
      await publisher.publish(topic, messages)
      await eventually(() => expect(heir.ids()).toEqual(expect.arrayContaining(idsOf(messages))))
      // Longer than an answer to a fetch takes: what another subscriber was given afterwards would have come here too.
      const witness = recorder()
      await publisher.subscribe(topic, witness.handle, { from: 'earliest' })
      await eventually(() => expect(witness.ids()).toEqual(expect.arrayContaining(idsOf(messages))))
      const own = new Set(idsOf(messages))
      expect(lonely.ids().filter((id) => own.has(id))).toEqual([])
    },
  )

  test(
    'what it holds is taken back after a session: its acknowledgement counts for nothing',
    { timeout: 60_000 },
    async () => {
      const topic = uniqueTopic()
      const gate = turnstile()
      const { lonely, heir, leaveAlone, succeed } = await cutOff(topic, () => gate.pass())
      const publisher = await connect()
      const messages = numbered(topic, 40, keys)
      await publisher.publish(topic, messages)
      await eventually(() => expect(lonely.unsettled).toBe(40))
      leaveAlone()
      await succeed()
      await eventually(() => expect(heir.ids()).toEqual(expect.arrayContaining(idsOf(messages))))
      gate.open()
      await eventually(() => expect(lonely.unsettled).toBe(0))
    },
  )
})
