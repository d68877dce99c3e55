import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'

const reactor = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const alertMonitor = fileURLToPath(new URL('../../alert-monitor/src/main.ts', import.meta.url))

const programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

/** A program in a shell of its own. */
const start = (main: string, url: string, ...args: string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', MESSAGING_URL: url }
  const program = startProgram(process.execPath, [main, ...args], { env })
  programs.push(program)
  return program
}

test.skipIf(skipped('nats'))(
  'over NATS alert-monitor send in one shell reaches listen --count 1 and a reactor handler in two others',
  async () => {
    const url = await serverUrl('nats')
    const name = uniqueName('shells')
    const topic = `alerts.${name}`
    const handler = start(reactor, url, `--group=${name}`)
    const listener = start(alertMonitor, url, 'listen', `--on=${topic}`, '--count=1')
    await handler.until(/waits for messages on alerts\.>/)
    await listener.until(new RegExp(`listening on ${topic}`))

    const alert = JSON.stringify({ status: 'firing', name, severity: 'critical', summary: `${name} is on fire` })
    const sender = start(alertMonitor, url, 'send', `--on=${topic}`, alert)
    expect(await sender.ended(), sender.output()).toEqual({ code: 0, signal: null })

    await handler.until(new RegExp(`"handler":"log-alert".*"alert":"${name}","status":"firing".*${name} is on fire`))
    expect(await listener.ended(), listener.output()).toEqual({ code: 0, signal: null })
    expect(listener.output()).toContain(alert)
    handler.signal('SIGTERM')
    expect(await handler.ended(), handler.output()).toEqual({ code: 0, signal: null })
  },
  serverDeadlineMs,
)

test.skipIf(skipped('nats'))(
  'over NATS reactor publish in one shell is seen by reactor tap in another, until Ctrl-C',
  async () => {
    const url = await serverUrl('nats')
    const topic = `orders.${uniqueName('tap')}`
    const tap = start(reactor, url, 'tap', '--topic', `${topic}.*`)
    await tap.until(/looking at/)
    const publisher = start(reactor, url, 'publish', '-t', `${topic}.eu`, '-m', 'order {n}', '--amount=250')
    expect(await publisher.ended(), publisher.output()).toEqual({ code: 0, signal: null })
    expect(publisher.output()).toMatch(/^sent 250, failed 0, \d+\/s$/m)
    await tap.until(new RegExp(`${topic}\\.eu: order 250\n`))
    tap.signalGroup('SIGINT')
    expect(await tap.ended(), tap.output()).toEqual({ code: 0, signal: null })
  },
  serverDeadlineMs,
)

test.skipIf(skipped('rabbitmq'))(
  'over RabbitMQ publish goes to an exchange of the type that is named',
  async () => {
    const url = await serverUrl('rabbitmq')
    const exchange = uniqueName('fan')
    const tap = start(reactor, `${url}?exchange=${exchange}&type=fanout`, 'tap', '--topic=anything', '--count=2')
    await tap.until(/looking at/)
    const flags = [`--exchange=${exchange}`, '--type=fanout', '--key=whatever', '--message=x {n}', '--amount=2']
    const publisher = start(reactor, url, 'publish', ...flags)
    expect(await publisher.ended(), publisher.output()).toEqual({ code: 0, signal: null })
    expect(await tap.ended(), tap.output()).toEqual({ code: 0, signal: null })
    expect(tap.output()).toMatch(/x 1\n.*x 2\n/)
  },
  serverDeadlineMs,
)
