import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { settings as aggregator } from '@armature/aggregator/config'
import { settings as alertMonitor } from '@armature/alert-monitor/config'
import { settings as logShipper } from '@armature/log-shipper/config'
import { settings as reactor } from '@armature/reactor/config'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const mainOf = (app: string) => fileURLToPath(import.meta.resolve(`@armature/${app}/main`))

const serverOf = {
  amqp: 'rabbitmq',
  jetstream: 'nats',
  kafka: 'kafka',
  nats: 'nats',
  redis: 'redis',
  'redis-streams': 'redis',
} as const
type Scheme = keyof typeof serverOf
const schemes = Object.keys(serverOf) as Scheme[]

/** The URLs of brokers that READMEs show. */
const shown = [
  ...new Set(
    globSync(['README.md', 'apps/*/README.md', 'libs/*/README.md', 'examples/*/README.md', 'tools/*/README.md'], {
      cwd: root,
    }).flatMap((file) =>
      [
        ...readFileSync(join(root, file), 'utf8').matchAll(
          new RegExp(`(?<![\\w-])(?:(?:${schemes.join('|')})://|memory:[?])[^\\s\`"')|]+`, 'g'),
        ),
      ].map(([url]) => url),
    ),
  ),
].sort()

/** For each scheme that may have several hosts, a URL with some. */
const several = ['amqp', 'jetstream', 'kafka', 'nats'].map((scheme) => `${scheme}://a:1,b:2`)

const programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

test('READMEs show a URL of each broker', () => {
  const found = new Set(shown.map((url) => url.split(':', 1)[0]))
  expect([...found].sort()).toEqual([...schemes, 'memory'].sort())
})

describe.each(Object.entries({ aggregator, alertMonitor, logShipper, reactor }))('%s', (_, settings) => {
  test.each([...shown, ...several])('bug: %s was no URL to its settings', (messagingUrl) => {
    expect(settings.shape.messagingUrl.safeParse(messagingUrl)).toEqual({ success: true, data: messagingUrl })
  })
})

/** The URL on a server that runs, without the user and the path that this server does not have; an absent host is named first. */
const onServer = (url: string, server: string): string => {
  const [, scheme = '', userAndHosts = '', query = ''] = /^([a-z-]+:\/\/)([^/?]+)[^?]*(.*)$/.exec(url) ?? []
  const [, running = ''] = /^[a-z-]+:\/\/([^/?]+)/.exec(server) ?? []
  const user = running.includes('@') ? `${running.split('@')[0]}@` : ''
  const absent = userAndHosts.includes(',') ? '127.0.0.1:1,' : ''
  return `${scheme}${user}${absent}${running.split('@').at(-1)}${query}`
}

describe.each(schemes)('a service at a %s: URL', (scheme) => {
  test.skipIf(skipped(serverOf[scheme])).each(shown.filter((url) => url.startsWith(`${scheme}:`)))(
    'starts by %s',
    async (url) => {
      const { PATH, HOME } = process.env
      const messagingUrl = onServer(url, await serverUrl(serverOf[scheme]))
      // A queue of RabbitMQ is made with the options of one URL, so each has a group of its own: the reactor's has one name. It needs groups,
      // which redis: does not have.
      const env = { PATH, HOME, STATSD_PORT: '0', MESSAGING_URL: messagingUrl, GROUP: uniqueName('readme') }
      const [, queue] = /[?&]queue=([^&]+)/.exec(url) ?? []
      const main = mainOf(scheme === 'amqp' ? 'aggregator' : scheme === 'redis' ? 'alert-monitor' : 'reactor')
      const program = startProgram(process.execPath, [main], { env: { ...env, ...(queue && { TOPIC: queue }) } })
      programs.push(program)
      const [, admin] = await program.until(/admin +(http:\S+)/, 60_000)
      expect((await fetch(`${admin}/readyz`)).status).toBe(200)
      program.signal('SIGTERM')
      expect(await program.ended(), program.output()).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )
})

test.each([
  ['kafka://shop:canary@a:9092,b:99999', 'messagingUrl'],
  ['kafka://shop:canary@a:9092,,b', 'messagingUrl'],
  ['kafka://shop:canary@a:9092,b?partitons=3', 'partitons'],
  ['kafka://shop:12/canary@a', 'percent-encoded'],
])('%s is refused as a setting, without its password', async (url, named) => {
  const { PATH, HOME } = process.env
  const program = startProgram(process.execPath, [mainOf('reactor')], {
    env: { PATH, HOME, STATSD_PORT: '0', MESSAGING_URL: url },
  })
  programs.push(program)
  expect(await program.ended(), program.output()).toEqual({ code: 78, signal: null })
  expect(program.output()).toContain(named)
  expect(program.output()).not.toContain('canary')
})
