import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { bodyText } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { failOn, heldIn, poison } from './letters.ts'

const main = fileURLToPath(new URL('./program.ts', import.meta.url))

/** Drivers with a browser, and the server each runs on. */
const brokers = [
  ['kafka', 'kafka', 'kafka:'],
  ['rabbitmq', 'rabbitmq', 'amqp:'],
  ['jetstream', 'nats', 'jetstream:'],
  ['redis streams', 'redis', 'redis-streams:'],
] as const

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const start = (url: string, line: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const program = startProgram(process.execPath, [main, ...line], { env: { PATH, HOME, MESSAGING_URL: url } })
  ends.push(() => program.kill())
  return program
}

/** The output of a command, which must end with `code`. */
const run = async (url: string, line: readonly string[], code = 0): Promise<string> => {
  const program = start(url, line)
  const ended = await program.ended(60_000)
  expect(ended, program.output()).toEqual({ code, signal: null })
  return program.output()
}

describe.each(brokers)('dead letters on %s', (_, server, scheme) => {
  /** A topic of the test's own, with so many dead letters, and a handler of it that fails until it is told not to. */
  const open = async (count: number) => {
    const url = (await serverUrl(server)).replace(/^[a-z-]+:/, scheme)
    const driver: Driver = await openDriver(url)
    ends.push(() => driver.close())
    const topic = `orders.${uniqueName('dlq')}`
    const letters = `${topic}.DLT`
    const handled: Delivery[] = []
    const works = { up: false }
    await failOn(driver, topic, async (delivery) => {
      if (!works.up) throw new Error(`no ${delivery.headers['fail']}`)
      handled.push(delivery)
    })
    const json = { headers: { 'content-type': 'application/json' } }
    const ids = Array.from({ length: count }, (_none, index) => `${topic}-m${10 + index}`)
    await driver.publish(
      topic,
      ids.map((id, index) => poison(topic, id, index % 2 === 0 ? 'even' : 'odd', { key: 'k', ...json })),
    )
    const lying = async () => (await heldIn(driver, letters)).map(({ id }) => id).sort()
    await vi.waitFor(async () => expect(await lying()).toEqual(ids), { timeout: 30_000, interval: 100 })
    return { url, driver, topic, letters, handled, works, ids, lying }
  }

  test.skipIf(skipped(server))(
    'are listed, shown, counted, published again, edited, dropped and quarantined',
    async () => {
      const { url, driver, topic, letters, handled, works, ids, lying } = await open(6)
      expect(await run(url, ['dlq', 'ls'])).toMatch(new RegExp(`^${letters.replaceAll('.', '\\.')} +6 +20`, 'm'))
      const shown = await run(url, ['dlq', 'show', letters, '--format=json', '--filter=error~no odd', `--id=${ids[1]}`])
      expect(JSON.parse(shown)).toMatchObject({
        ...{ id: ids[1], originalTopic: topic, reason: 'failed', handler: 'store', group: 'sinks', attempts: 1 },
        ...{ key: 'k', body: `body of ${ids[1]}`, writer: 'armature', headers: { fail: 'odd', own: 'kept' } },
      })
      expect(await run(url, ['dlq', 'stats', letters])).toMatch(/^6 +\S+ +failed +store +Error /m)

      // It fails again: the letters come back with their count, and are not taken up again in the same run.
      const all = ['dlq', 'redrive', letters]
      expect(await run(url, [...all, '--filter=header.fail=odd'])).toContain('redriven 3, quarantined 0, left 0')
      const odd = ids.filter((_id, index) => index % 2 === 1)
      await vi.waitFor(async () => expect(await lying()).toEqual(ids), { timeout: 20_000 })
      expect(await run(url, [...all, '--max-redrives=1', '--filter=redrives=1'])).toContain('quarantined 3')
      expect((await heldIn(driver, `${topic}.quarantine.DLT`)).map(({ id }) => id).sort()).toEqual(odd)

      works.up = true
      const edit = ['dlq', 'edit', letters, `--id=${ids[0]}`, '--body=-']
      const editing = start(url, edit)
      editing.write('{"repaired":true}')
      editing.closeInput()
      expect(await editing.ended(), editing.output()).toEqual({ code: 0, signal: null })
      await vi.waitFor(() => expect(handled.map(bodyText)).toEqual(['{"repaired":true}']), { timeout: 20_000 })
      expect(handled[0]).toMatchObject({ id: ids[0], key: 'k', headers: { 'dlt-redrives': '1', own: 'kept' } })
      expect(handled[0]?.headers).not.toHaveProperty('dlt-reason')
      expect(await run(url, ['dlq', 'drop', letters, `--id=${ids[2]}`, '--yes'])).toContain('dropped 1')
      expect(await lying()).toEqual([ids[4]])
      expect(await run(url, all)).toContain('redriven 1')
      await vi.waitFor(() => expect(handled.map(({ id }) => id)).toEqual([ids[0], ids[4]]), { timeout: 20_000 })
      expect(await lying()).toEqual([])
    },
    serverDeadlineMs,
  )

  test.skipIf(skipped(server))(
    'a redrive that is interrupted says how far it got; each letter is here or there',
    async () => {
      const { url, letters, handled, works, ids, lying } = await open(60)
      works.up = true
      const program = start(url, ['dlq', 'redrive', letters, '--rate=10/s'])
      await vi.waitFor(() => expect(handled.length).toBeGreaterThan(10), { timeout: 30_000 })
      program.signalGroup('SIGINT')
      expect(await program.ended(), program.output()).toEqual({ code: 75, signal: null })
      const [, redriven] = /redriven (\d+), .*stopped/.exec(program.output()) ?? []
      await vi.waitFor(() => expect(handled).toHaveLength(Number(redriven)), { timeout: 20_000 })
      const left = await lying()
      expect(left.length).toBeGreaterThan(0)
      expect([...handled.map(({ id }) => id), ...left].sort()).toEqual(ids)
    },
    serverDeadlineMs,
  )
})

test.each(brokers)(
  '%s away ends a command with 69',
  async (_, _server, scheme) => {
    const output = await run(`${scheme}//user:canary@127.0.0.1:1?connectWaitMs=500`, ['dlq', 'ls'], 69)
    expect(output).not.toContain('canary')
  },
  60_000,
)
