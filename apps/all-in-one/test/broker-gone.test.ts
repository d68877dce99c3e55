import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { startProgram } from '@armature/servers/program'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Each service that speaks to a broker, and what it needs to run. */
const services = [
  ['aggregator', []],
  ['alert-monitor', []],
  ['log-shipper', ['--topic', 'lines']],
  ['reactor', []],
] as const

const start = async (app: string, args: readonly string[], url: string) => {
  const { PATH, HOME } = process.env
  const main = fileURLToPath(import.meta.resolve(`@armature/${app}/main`))
  const env = { PATH, HOME, STATSD_PORT: '0', MESSAGING_URL: url }
  const program = startProgram(process.execPath, [main, ...args], { env })
  ends.push(() => program.kill())
  const [, admin = ''] = await program.until(/admin +(http:\S+)/, 60_000)
  const get = async (path: string) => {
    const answer = await fetch(`${admin}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  return { app, get }
}

describe.skipIf(skipped('nats'))('a broker that is gone', () => {
  test(
    'bug: no service knew: each is not ready after 15 s, says why, is alive, and ready again when the broker is back',
    async () => {
      const server = await startNats()
      ends.push(() => server.stop())
      const url = server.url.replace(/^nats:/, 'jetstream:')
      const running = await Promise.all(services.map(([app, args]) => start(app, args, url)))
      for (const { app, get } of running) {
        const { status, text } = await get('/readyz?verbose')
        expect([app, status]).toEqual([app, 200])
        expect(text).toContain('[+]broker ok\n[+]partitions ok\n')
        expect((await get('/metrics')).text).toMatch(/^messaging_broker_up 1$/m)
      }

      await server.crash()
      for (const { app, get } of running) {
        await vi.waitFor(async () => expect([app, (await get('/readyz')).status]).toEqual([app, 503]), {
          timeout: 60_000,
          interval: 200,
        })
        expect((await get('/readyz?verbose')).text).toMatch(
          /^\[-\]broker failed: .*broker has not answered for \d+ s$/m,
        )
        expect(await get('/livez')).toEqual({ status: 200, text: 'ok' })
        expect((await get('/metrics')).text).toMatch(/^messaging_broker_up 0$/m)
      }

      await server.restart()
      for (const { app, get } of running) {
        await vi.waitFor(async () => expect([app, (await get('/readyz')).status]).toEqual([app, 200]), {
          timeout: 60_000,
          interval: 200,
        })
      }
    },
    serverDeadlineMs,
  )
})
