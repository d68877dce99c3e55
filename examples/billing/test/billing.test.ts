import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { migrate } from '@armature/database/migrate'
import { ownDatabase } from '@armature/database/testing-own-database'
import { bodyText, jsonMessage, message, type Message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const ends: (() => Promise<unknown> | void)[] = []
const eventually = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 60_000, interval: 50 })

/** A service of the test's own: its database, its group, and a way to its database that can be cut. */
const setUp = async () => {
  const name = uniqueName('billing')
  const { url, database, drop } = await ownDatabase(await serverUrl('postgres'), name)
  ends.push(drop)
  const way = await cutProxy(url)
  ends.push(way.cut)

  const messagingUrl = (await serverUrl('nats')).replace(/^nats:/, 'jetstream:')
  const driver = await openDriver(messagingUrl)
  ends.push(() => driver.close())
  const letters: string[] = []
  const keep = async (letter: Message) => {
    // Other tests have letters there too.
    if (bodyText(letter).includes(name)) letters.push(letter.headers['dlt-reason'] ?? '')
  }
  await driver.subscribe('orders.DLT', keep, { from: 'latest' })

  const env = { MESSAGING_URL: messagingUrl, DATABASE_URL: way.url, BILLING_GROUP: name, STATSD_PORT: '0' }
  const begin = (): Program => {
    const program = startProgram(process.execPath, [main], { env: { ...process.env, ...env } })
    ends.push(() => program.kill())
    return program
  }
  const start = async (): Promise<Program> => {
    const program = begin()
    await program.until(/waits for messages on orders/)
    return program
  }
  const stored = async (): Promise<readonly string[]> => {
    const sql = 'select id from billing_order where id like $1 order by id'
    const { rows } = await database.query<{ id: string }>(sql, [`${name}-%`])
    return rows.map(({ id }) => id)
  }
  const orderOf = (number: number, amountCents = number) => ({
    id: `${name}-${String(number).padStart(4, '0')}`,
    customer: 'c-1',
    amountCents,
    currency: 'EUR',
  })
  const publish = (...orders: unknown[]) =>
    driver.publish(
      'orders',
      orders.map((order) => (typeof order === 'string' ? message('orders', order) : jsonMessage('orders', order))),
    )
  return { begin, start, stored, orderOf, publish, messagingUrl, letters, way, database }
}

/** Publishes bodies as a program without CloudEvents does: by NATS's own protocol, without headers. Resolves when JetStream has them. */
const publishBare = async (url: string, ...bodies: string[]): Promise<void> => {
  const { hostname: host, port } = new URL(url)
  const socket = connect({ host, port: Number(port) })
  ends.push(() => void socket.destroy())
  const commands = bodies.map((body) => `PUB orders _INBOX.bare ${Buffer.byteLength(body)}\r\n${body}\r\n`)
  socket.write(`CONNECT {"verbose":false}\r\nSUB _INBOX.bare 1\r\n${commands.join('')}`)
  let answers = ''
  for await (const chunk of socket) {
    answers += String(chunk)
    if (answers.split('"seq":').length > bodies.length) return
  }
  throw new Error(`JetStream did not confirm: ${answers}`)
}

let world: Awaited<ReturnType<typeof setUp>>

describe.skipIf(skipped('nats') || skipped('postgres'))('orders', { timeout: serverDeadlineMs }, () => {
  beforeEach(async () => {
    world = await setUp()
  }, serverDeadlineMs)
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  test('are stored once each, also where two services share them, one is killed, and all come twice', async () => {
    const { start, stored, orderOf, publish, letters } = world
    const [first] = [await start(), await start()]
    const all = Array.from({ length: 1_000 }, (_, number) => orderOf(number))
    await publish(...all.slice(0, 500))
    await eventually(async () => expect((await stored()).length).toBeGreaterThan(0))
    first?.signal('SIGKILL')
    await publish(...all.slice(500), ...all)
    await eventually(async () => expect(await stored()).toEqual(all.map(({ id }) => id)))
    expect(letters).toEqual([])
  })

  test('that are broken, or have the id of another one, are dead-lettered with the reason; the rest is stored', async () => {
    const { start, stored, orderOf, publish, letters } = world
    const service = await start()
    await publish(orderOf(1))
    await eventually(async () => expect(await stored()).toEqual([orderOf(1).id]))
    await publish(`{"id":"${orderOf(2).id}`, { ...orderOf(2), amountCents: -1 }, orderOf(1, 99), orderOf(3))
    await eventually(async () => {
      expect(letters.toSorted()).toEqual(['invalid-json', 'order-conflict', 'schema-mismatch'])
      expect(await stored()).toEqual([orderOf(1).id, orderOf(3).id])
    })
    service.signal('SIGTERM')
    expect(await service.ended()).toEqual({ code: 0, signal: null })
  })

  test('of a producer that knows nothing of CloudEvents are stored once too, and dead-lettered for the same reasons', async () => {
    const { start, stored, orderOf, messagingUrl, letters } = world
    await start()
    const [first, second] = [JSON.stringify(orderOf(1)), JSON.stringify(orderOf(2))]
    const broken = [first.slice(0, -1), JSON.stringify({ id: orderOf(3).id }), JSON.stringify(orderOf(1, 99))]
    // Without a key, messages are handled side by side: only an order that is stored already makes the next one of its id a conflict.
    await publishBare(messagingUrl, first)
    await eventually(async () => expect(await stored()).toEqual([orderOf(1).id]))
    await publishBare(messagingUrl, ...broken, first, second)
    await eventually(async () => {
      expect(letters.toSorted()).toEqual(['invalid-json', 'order-conflict', 'schema-mismatch'])
      expect(await stored()).toEqual([orderOf(1).id, orderOf(2).id])
    })
  })

  test('wait while the database is away: none is dead-lettered, and all are stored', async () => {
    const { start, stored, orderOf, publish, letters, way } = world
    const service = await start()
    await publish(orderOf(0))
    await eventually(async () => expect(await stored()).toHaveLength(1))
    way.cut()
    const all = Array.from({ length: 200 }, (_, number) => orderOf(number))
    await publish(...all)
    await service.until(/"circuit":"open"/)
    await way.mend()
    await eventually(async () => expect(await stored()).toEqual(all.map(({ id }) => id)))
    expect(letters).toEqual([])
  })

  test('bug: a stop in a start that waited for its turn to migrate the database ran over the deadline of the drain', async () => {
    const { begin, database } = world
    const another = new AbortController()
    const steps = [{ name: 'slow', statements: ['select pg_sleep(600)'] }]
    const migrating = migrate(database, { owner: 'another', steps }, { signal: another.signal }).catch(() => undefined)
    const running = async (sql: string) => {
      const activity = `select 1 from pg_stat_activity
        where datname = current_database() and state = 'active' and query like $1`
      expect((await database.query(activity, [`${sql}%`])).count).toBe(1)
    }
    await eventually(() => running('select pg_sleep'))
    const service = begin()
    await eventually(() => running('select pg_advisory_xact_lock'))
    service.signal('SIGTERM')
    // 75 where the start had to be given up.
    expect(await service.ended()).toEqual({ code: 0, signal: null })
    another.abort()
    await migrating
  })
})
