import { drivenClock } from '@armature/async/clock'
import { type Database, DatabaseError } from '@armature/database/database'
import type { OwnDatabase } from '@armature/database/testing-own-database'
import { PublishError } from '@armature/messaging/errors'
import { message, type Message, tombstone } from '@armature/messaging/message'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { outboxMetrics } from '../src/outbox-metrics.ts'
import { openOutboxRelay, type OutboxRelayOptions } from '../src/outbox-relay.ts'
import { createPostgresStore } from '../src/postgres-store.ts'
import { openTables } from './world.ts'

const handling = (key: string, contents = 'c') => ({ handler: 'billing.store', key, contents })
const tenSeconds = { timeout: 10_000 }

describe.skipIf(skipped('postgres'))('in PostgreSQL', () => {
  let own: OwnDatabase
  let database: Database
  beforeAll(async () => {
    own = await openTables()
    database = own.database
    await database.query('create table effect (name text primary key)')
    await database.query('create table late (name text unique deferrable initially deferred)')
  }, serverDeadlineMs)
  afterAll(() => own.drop(), 60_000)
  beforeEach(() => database.query('truncate messaging_inbox, messaging_outbox, effect'))

  const count = async (table: string) =>
    (await database.query<{ n: number }>(`select count(*) as n from ${table}`)).rows[0]?.n

  /** A relay, and what it published. `publish` may refuse. */
  const relaying = async (changed: Partial<OutboxRelayOptions> = {}) => {
    const published: Message[] = []
    const problems: unknown[] = []
    const { metrics } = testTelemetry('test')
    const relay = await openOutboxRelay({
      database,
      publisher: { publish: (_, messages) => Promise.resolve(void published.push(...messages)) },
      onProblem: (problem) => problems.push(problem),
      pollMs: 20,
      metrics,
      ...changed,
    })
    onTestFinished(() => relay.close())
    return { relay, published, problems, metrics }
  }

  describe('a store', () => {
    test('has the effect, the entry and the messages, or nothing of them', async () => {
      const store = createPostgresStore(database)
      const work = (name: string, fails: boolean) =>
        store.handle(handling(name), async (within) => {
          await within.query('insert into effect values ($1)', [name])
          if (fails) throw new Error('no')
          return [message('invoices', name)]
        })
      await expect(work('fails', true)).rejects.toThrow('no')
      expect([await count('effect'), await count('messaging_inbox'), await count('messaging_outbox')]).toEqual([
        0, 0, 0,
      ])
      expect(await work('works', false)).toBe('handled')
      expect([await count('effect'), await count('messaging_inbox'), await count('messaging_outbox')]).toEqual([
        1, 1, 1,
      ])
    })

    test('stores no message where the transaction cannot be committed', async () => {
      const committed = createPostgresStore(database).handle(handling('late'), async (within) => {
        await within.query(`insert into late values ('a'), ('a')`)
        return [message('invoices', 'late')]
      })
      await expect(committed).rejects.toMatchObject({ code: '23505' })
      expect([await count('messaging_inbox'), await count('messaging_outbox')]).toEqual([0, 0])
    })

    test('handles a message once, of many at the same time, and tells one of the same key and other contents', async () => {
      const store = createPostgresStore(database)
      let calls = 0
      const work = () => {
        calls += 1
        return Promise.resolve([])
      }
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => store.handle(handling('k'), work)))
      expect(outcomes.sort()).toEqual(['handled', 'repeat', 'repeat', 'repeat', 'repeat'])
      expect(await store.handle(handling('k', 'other'), work)).toBe('reused')
      expect(await store.handle({ ...handling('k'), handler: 'billing.tell' }, work)).toBe('handled')
      expect(calls).toBe(2)
    })

    test('that is away is an outage, an error of the handler is not', async () => {
      const away = () => Promise.reject(new DatabaseError('connection lost', { code: '08006' }))
      const store = createPostgresStore({ ...database, transaction: away })
      await expect(store.handle(handling('k'), () => Promise.resolve([]))).rejects.toMatchObject({
        name: 'RedeliverError',
        reason: 'store-away',
      })
      const failing = createPostgresStore(database).handle(handling('k'), async (within) => {
        await within.query('insert into effect values (null)')
        return []
      })
      await expect(failing).rejects.toMatchObject({ name: 'DatabaseError', code: '23502' })
    })
  })

  test('bug: a statement of a handler that took too long was an outage, and its message came again for ever', async () => {
    const store = createPostgresStore(database)
    const slow = store.handle(handling('k'), async (within) => {
      await within.query('set local statement_timeout = 1')
      await within.query('select pg_sleep(60)')
      return []
    })
    await expect(slow).rejects.toMatchObject({ name: 'DatabaseError', code: '57014' })
    const shutDown = store.handle(handling('k'), () =>
      Promise.reject(new DatabaseError('the server shuts down', { code: '57P01' })),
    )
    await expect(shutDown).rejects.toMatchObject({ reason: 'store-away' })
  })

  describe('a relay', () => {
    const store = async (...messages: Message[]) =>
      createPostgresStore(database).handle(handling(String(Math.random())), () => Promise.resolve(messages))

    test('publishes every message as it was, in order, and removes it', async () => {
      const given = [
        message('invoices', Buffer.from([0, 255]), { key: 'k\0', headers: { type: 'a\u0000', source: '/é' } }),
        message('invoices', '', { keyBytes: Buffer.from([255]), time: new Date(1_700_000_000_123) }),
        tombstone('reports', { key: 'k' }),
        message('invoices', 'last'),
      ]
      await store(...given)
      const { published } = await relaying()
      await vi.waitFor(() => expect(published).toHaveLength(4), tenSeconds)
      expect(published.map(plain)).toEqual(given.map(plain))
      await vi.waitFor(async () => expect(await count('messaging_outbox')).toBe(0), tenSeconds)
    })

    test('takes no more at once than it may, and one that is larger alone', async () => {
      await store(...['a', 'bb', 'cccccccccc', 'd', 'e', 'f'].map((body) => message('invoices', body)))
      const sizes: number[] = []
      const { problems } = await relaying({
        batchMessages: 2,
        batchBytes: 4,
        publisher: { publish: (_, messages) => Promise.resolve(void sizes.push(messages.length)) },
      })
      await vi.waitFor(() => expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(6), tenSeconds)
      expect(sizes).toEqual([2, 1, 2, 1])
      expect(problems).toEqual([])
    })

    test('looks at once when it is told to', async () => {
      const { relay, published } = await relaying({ pollMs: 600_000 })
      await vi.waitFor(async () => {
        await store(message('invoices', 'now'))
        relay.wake()
        expect(published.length).toBeGreaterThan(0)
      }, tenSeconds)
    })

    test('tries again what could not be published, in order, and holds up no other topic', async () => {
      const clock = drivenClock()
      const log: string[] = []
      let isUnread = true
      await store(message('unread', 'u1'), message('unread', 'u2'), message('invoices', 'i1'), message('unread', 'u3'))
      const { problems } = await relaying({
        clock,
        publisher: {
          publish: (topic, messages) => {
            if (topic === 'unread' && isUnread) {
              return Promise.reject(new PublishError('nobody reads it', { topic, fault: 'unroutable' }))
            }
            for (const { body } of messages) log.push(Buffer.from(body).toString())
            return Promise.resolve()
          },
        },
      })
      const until = (done: () => void) =>
        vi.waitFor(async () => {
          await clock.advance(1_000)
          done()
        }, tenSeconds)
      await until(() => expect(log).toEqual(['i1']))
      await until(() => expect(problems.length).toBeGreaterThan(1))
      isUnread = false
      await until(() => expect(log).toEqual(['i1', 'u1', 'u2', 'u3']))
      expect(await count('messaging_outbox')).toBe(0)
    })

    test('bug: a topic that failed was published to again in the same look, past what had failed', async () => {
      const clock = drivenClock()
      const log: string[] = []
      let isAway = true
      await store(message('orders', 'o1'), message('invoices', 'i1'), message('orders', 'o2'))
      const { problems } = await relaying({
        clock,
        publisher: {
          publish: async (topic, messages) => {
            const fails = topic === 'orders' && isAway
            isAway = false
            if (fails) throw new Error('the broker is away')
            log.push(...messages.map(({ body }) => Buffer.from(body).toString()))
            // Longer than the topic is left out of the next look.
            await clock.advance(200)
          },
        },
      })
      await vi.waitFor(async () => {
        await clock.advance(1_000)
        expect(log).toHaveLength(3)
      }, tenSeconds)
      expect(log).toEqual(['i1', 'o1', 'o2'])
      expect(problems).toHaveLength(1)
    })

    test('sets aside what the broker will never take, with the reason, and counts it', async () => {
      await store(message('invoices', 'a'), message('invoices', 'large'), message('invoices', 'b'))
      const log: string[] = []
      const { metrics, problems } = await relaying({
        publisher: {
          publish: (topic, messages) => {
            const bodies = messages.map(({ body }) => Buffer.from(body).toString())
            if (bodies.includes('large')) {
              return Promise.reject(new PublishError('too large', { topic, fault: 'too-large' }))
            }
            return Promise.resolve(void log.push(...bodies))
          },
        },
      })
      await vi.waitFor(async () => {
        const { rows } = await database.query<{ refused: string }>('select refused from messaging_outbox')
        expect(rows).toEqual([{ refused: expect.stringContaining('too large') as string }])
      }, tenSeconds)
      expect(log).toEqual(['a', 'b'])
      expect(metrics.value(outboxMetrics.outbox_refused_total, { fault: 'too-large' })).toBe(1)
      expect(metrics.value(outboxMetrics.outbox_published_total)).toBe(2)
      expect(problems).toEqual([])
    })

    test('is at work once at a time, and publishes all that waits before it closes', async () => {
      const log: string[] = []
      let atOnce = 0
      const publisher = {
        publish: async (_: string, messages: readonly Message[]) => {
          atOnce += 1
          expect(atOnce).toBe(1)
          await new Promise((resolve) => setImmediate(resolve))
          log.push(...messages.map(({ body }) => Buffer.from(body).toString()))
          atOnce -= 1
        },
      }
      const names = Array.from({ length: 30 }, (_, index) => `${index}`)
      const relays = [
        await relaying({ publisher, batchMessages: 1 }),
        await relaying({ publisher, batchMessages: 1 }),
        await relaying({ publisher, batchMessages: 1 }),
      ]
      await store(...names.map((name) => message('invoices', name)))
      for (const { relay } of relays) await relay.close()
      expect(log).toEqual(names)
    })

    test('bug: a close waited for a publish that hung, not for 5 s', async () => {
      const clock = drivenClock()
      const publishing = Promise.withResolvers<void>()
      const publish = vi.fn(() => publishing.promise)
      await store(message('invoices', 'a'))
      const { relay } = await relaying({ clock, publisher: { publish } })
      await vi.waitFor(() => expect(publish).toHaveBeenCalled(), tenSeconds)
      const closed = vi.fn()
      const closing = relay.close().then(closed)
      await clock.advance(4_999)
      expect(closed).not.toHaveBeenCalled()
      await clock.advance(1)
      const timesClosed = closed.mock.calls.length
      publishing.resolve()
      await closing
      expect(timesClosed).toBe(1)
      await vi.waitFor(async () => expect(await count('messaging_outbox')).toBe(0), tenSeconds)
    })

    test('refuses to begin without its tables', async () => {
      const broken = { ...database, query: () => Promise.reject(new Error('no table')) }
      await expect(relaying({ database: broken })).rejects.toThrow('no table')
    })
  })
})

const plain = ({ id, topic, key, keyBytes, time, headers, body, tombstone: isTombstone }: Message) => ({
  ...{ id, topic, key, time, headers, isTombstone: isTombstone === true },
  keyBytes: keyBytes === undefined ? undefined : Buffer.from(keyBytes).toString('hex'),
  body: Buffer.from(body).toString('hex'),
})
