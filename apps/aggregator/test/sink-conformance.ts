import { systemClock } from '@armature/async/clock'
import { message, type Message } from '@armature/messaging/message'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { type CutProxy, cutProxy } from '@armature/servers/cut-proxy'
import type { RunningServer } from '@armature/servers/server'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Sink } from '../src/sink.ts'
import { groupWriter } from '../src/write-group.ts'
import { delivery } from './deliveries.ts'

/** A sink over a server of the suite's own. */
export interface SinkUnderTest {
  readonly sink: Sink
  /** The ids of all stored events of the topic, sorted, as another program would read them. */
  ids(topic: string): Promise<readonly string[]>
  close(): Promise<void>
}

export interface SinkKind {
  /** Default: the sink has no server, so the suite stalls and kills none. */
  readonly start?: () => Promise<RunningServer>
  readonly open: (url: string) => Promise<SinkUnderTest>
  /** Default: a repeat is recognised. Else it is kept, and whoever reads drops it by its source and id. */
  readonly repeats?: 'kept'
  /** JSON that the server refuses once it has taken others, such as a field of another type. */
  readonly refusedBody?: string
}

/** The promises of every sink, whatever it writes to. The suite stalls, kills and restarts the server. */
export const sinkConformance = (name: string, { start, open, refusedBody = '', repeats }: SinkKind): void => {
  describe(`sink ${name}`, () => {
    let server: RunningServer
    let proxy: CutProxy
    let it: SinkUnderTest
    let topics = 0
    beforeAll(async () => {
      if (start === undefined) return void (it = await open(''))
      server = await start()
      proxy = await cutProxy(server.url)
      it = await open(proxy.url)
    }, serverDeadlineMs)
    afterAll(async () => {
      await it.close()
      if (start === undefined) return
      proxy.cut()
      await server.stop()
    }, 60_000)

    const newTopic = () => `logs.t${(topics += 1)}`
    const event = (topic: string, id: string, body = '{"n":1}') =>
      message(topic, body, {
        id: `${topic}-${id}`,
        headers: { source: '/conformance', 'content-type': 'application/json' },
      })
    const events = (topic: string, count: number) => Array.from({ length: count }, (_, n) => event(topic, String(n)))
    const write = (messages: readonly Message[]) =>
      it.sink.write(messages.map((one) => ({ message: one, correlationKey: one.topic })))
    /** A topic is read a moment later than it is written. */
    const expectIds = (topic: string, messages: readonly Message[]) =>
      vi.waitFor(async () => expect(await it.ids(topic)).toEqual(idsOf(messages)), 20_000)
    const idsOf = (messages: readonly Message[]) => messages.map(({ id }) => id).toSorted()

    const settled = async (messages: readonly Message[], writeTimeoutMs = 20_000, maxAttempts = 100) => {
      const writer = groupWriter({
        sink: it.sink,
        telemetry: testTelemetry(),
        clock: systemClock(),
        maxAttempts,
        retryDelayMs: 50,
        writeTimeoutMs,
        closing: new AbortController().signal,
        onAttempt: () => undefined,
      })
      const deliveries = messages.map((one) => ({ ...delivery(''), ...one }))
      return writer({ correlationKey: 'k', messages: deliveries })
    }

    const isKept = repeats === 'kept'
    const repeat = isKept ? 'written' : 'duplicate'

    test('what it says is written can be read; a repeat is a duplicate, also within a batch', async () => {
      const topic = newTopic()
      const batch = events(topic, 20)
      expect(await write(batch)).toEqual(batch.map(() => 'written'))
      for (let times = 0; times < 3; times += 1) expect(await write(batch)).toEqual(batch.map(() => repeat))
      const twice = event(topic, 'twice')
      expect(await write([twice, twice])).toEqual(['written', repeat])
      await expectIds(topic, [...batch, twice])
    })

    test.runIf(!isKept)('another event under the identity of a stored one is rejected, not lost', async () => {
      const topic = newTopic()
      await write([event(topic, '1')])
      expect(await write([event(topic, '1', '{"n":2}')])).toMatchObject([{ rejected: 'identity-reused' }])
    })

    test.runIf(refusedBody !== '')('what the server refuses costs no other event of its batch', async () => {
      const topic = newTopic()
      const good = events(topic, 9)
      await write(good.slice(0, 1))
      const errors = await settled([...good, event(topic, 'bad', refusedBody)])
      expect(errors.map((error) => error?.name)).toEqual([...good.map(() => undefined), 'UnrecoverableError'])
      await expectIds(topic, good)
    })

    test('the check passes and leaves nothing behind', async () => {
      await it.sink.check()
      expect(await it.ids('check')).toEqual([])
    })

    test('writes of the same events at once leave one of each', async () => {
      const topic = newTopic()
      const batch = events(topic, 50)
      const outcomes = await Promise.all([write(batch), write(batch), write(batch)])
      expect(outcomes.flat().filter((outcome) => outcome === 'written')).toHaveLength(isKept ? 150 : 50)
      await expectIds(topic, batch)
    })

    test.runIf(start !== undefined)(
      'answers that do not come: the write ends in time, and its events are stored once',
      async () => {
        const topic = newTopic()
        const batch = events(topic, 10)
        await it.sink.check()
        proxy.swallow()
        const late = await settled([event(topic, 'late')], 500, 1)
        expect(late.map((error) => error?.name)).toEqual(['RedeliverError'])
        proxy.breakOff()
        expect((await settled(batch, 2_000)).filter((error) => error !== undefined)).toEqual([])
        await vi.waitFor(async () => expect(await it.ids(topic)).toEqual(expect.arrayContaining(idsOf(batch))), 20_000)
      },
      60_000,
    )

    test.runIf(start !== undefined)(
      'a server that is killed in the middle and started again: none is lost, none is there twice',
      async () => {
        const topic = newTopic()
        const batches = Array.from({ length: 10 }, (_, group) =>
          Array.from({ length: 20 }, (_unused, n) => event(topic, `${group}-${n}`)),
        )
        const writing = batches.map((batch) => settled(batch))
        await vi.waitFor(async () => expect((await it.ids(topic)).length).toBeGreaterThan(0), 20_000)
        await server.crash()
        const isNoticed = () => expect(it.sink.check()).rejects.toThrow()
        // A broker is asked once a second whether it is there.
        await (isKept ? vi.waitFor(isNoticed, 20_000) : isNoticed())
        const away = settled(events(newTopic(), 1), 500, 1)
        expect((await away).map((error) => error?.name)).toEqual(['RedeliverError'])
        await server.restart()
        const errors = (await Promise.all(writing)).flat()
        const stored = batches.flat().filter((_, index) => errors[index] === undefined)
        expect(errors.filter((error) => error !== undefined && error.name !== 'RedeliverError')).toEqual([])
        const repeated = await settled(batches.flat())
        expect(repeated.filter((error) => error !== undefined)).toEqual([])
        await expectIds(topic, batches.flat())
        expect(stored.length).toBeGreaterThan(0)
      },
      300_000,
    )
  })
}
