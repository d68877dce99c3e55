import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

const start = (url: string, ...args: string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, MESSAGING_URL: url }
  const program = startProgram(process.execPath, [main, ...args], { env })
  programs.push(program)
  return program
}

test.skipIf(skipped('nats'))(
  'over NATS publish in one shell is seen by tap in another, until Ctrl-C',
  async () => {
    const url = await serverUrl('nats')
    const topic = `orders.${uniqueName('tap')}`
    const tap = start(url, 'tap', '--topic', `${topic}.*`)
    await tap.until(/looking at/)
    const publisher = start(url, 'publish', '-t', `${topic}.eu`, '-m', 'order {n}', '--amount=250')
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
    const tap = start(`${url}?exchange=${exchange}&type=fanout`, 'tap', '--topic=anything', '--count=2')
    await tap.until(/looking at/)
    const flags = [`--exchange=${exchange}`, '--type=fanout', '--key=whatever', '--message=x {n}', '--amount=2']
    const publisher = start(url, 'publish', ...flags)
    expect(await publisher.ended(), publisher.output()).toEqual({ code: 0, signal: null })
    expect(await tap.ended(), tap.output()).toEqual({ code: 0, signal: null })
    expect(tap.output()).toMatch(/x 1\n.*x 2\n/)
  },
  serverDeadlineMs,
)
