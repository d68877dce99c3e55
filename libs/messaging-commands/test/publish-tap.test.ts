import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, message, type Message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { readSettings } from '@armature/service/command-line'
import { amqpUrl } from '../src/amqp-url.ts'
import { messagingCommands } from '../src/commands.ts'
import { publishAll } from '../src/publish.ts'
import { programOver, runCommand } from './command-line.ts'
import { heldIn } from './letters.ts'

const open = () => memoryBroker({ partitions: 1 }).connect()
const bodies = async (driver: Driver, topic: string) => (await heldIn(driver, topic)).map(bodyText)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publish-'))
  await writeFile(join(folder, 'lines'), 'one\ntwo\nthree')
})
afterAll(() => rm(folder, { recursive: true }))

describe('publish', () => {
  test('fills the template for each message and says how many the broker holds', async () => {
    const driver = open()
    const line = ['publish', '-t', 'orders', '-m', 'order {n}', '--amount=3', '--key=k{n}', '--headers=a=b,own=x{n}']
    const { code, stdout } = await runCommand(driver, line)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^sent 3, failed 0, \d+\/s\n$/)])
    const held = await heldIn(driver, 'orders')
    expect(held.map(bodyText)).toEqual(['order 1', 'order 2', 'order 3'])
    expect(held[1]).toMatchObject({ key: 'k2', headers: { 'content-type': 'text/plain', a: 'b', own: 'x2' } })
    expect(new Set(held.map(({ id }) => id)).size).toBe(3)
  })

  test('one message unless told otherwise', async () => {
    const driver = open()
    await runCommand(driver, ['publish', '-t', 'orders', '-m', 'x'])
    expect(await bodies(driver, 'orders')).toEqual(['x'])
  })

  test('a line of a file is a message, as it is', async () => {
    const driver = open()
    await runCommand(driver, ['publish', '-t', 'orders', `--file=${join(folder, 'lines')}`])
    await runCommand(driver, ['publish', '-t', 'orders', '--file=-', '--amount=1'], { input: 'four {n}\nfive\n' })
    expect(await bodies(driver, 'orders')).toEqual(['one', 'two', 'three', 'four {n}'])
  })

  test('goes on until it is told to stop, and loses none that it counts', async () => {
    const driver = open()
    const stopping = new AbortController()
    const stopped = {
      ...driver,
      publish: async (topic: string, messages: readonly Message[]) => {
        await driver.publish(topic, messages)
        stopping.abort()
      },
    }
    const line = ['publish', '-t', 'orders', '-m', 'x', '--amount=0', '--batch=10']
    const { code, stdout } = await runCommand(stopped, line, { signal: stopping.signal })
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^sent ${(await bodies(driver, 'orders')).length}, failed 0`))
  })

  test('a number that was not reached ends with 75', async () => {
    const stopping = new AbortController()
    stopping.abort()
    const line = ['publish', '-t', 'orders', '-m', 'x', '--amount=5']
    const { code, stdout } = await runCommand(open(), line, { signal: stopping.signal })
    expect([code, stdout]).toEqual([75, expect.stringMatching(/^sent 0,/)])
  })

  test('a broker that went away ends it with 69, and what it holds is counted', async () => {
    const driver = open()
    let publishes = 0
    const failing = {
      ...driver,
      publish: async (topic: string, messages: readonly Message[]) => {
        publishes += 1
        if (publishes === 2) throw new PublishError('the broker is away', { topic, fault: 'unavailable' })
        await driver.publish(topic, messages)
      },
    }
    const line = ['publish', '-t', 'orders', '-m', 'x', '--amount=100000', '--batch=10']
    const { code, stdout, stderr } = await runCommand(failing, line)
    expect(code).toBe(69)
    expect(stderr).toMatch(/the broker is away/)
    const [, sent, failed] = /^sent (\d+), failed (\d+)/.exec(stdout) ?? []
    expect(Number(sent)).toBe((await bodies(driver, 'orders')).length)
    expect(Number(sent)).toBeLessThan(1_000)
    expect(failed).toBe('10')
  })

  test('no more than eight publishes wait for the broker at once', async () => {
    let [now, most] = [0, 0]
    const publish = async () => {
      most = Math.max(most, ++now)
      await new Promise<void>((resolve) => setImmediate(resolve))
      now -= 1
    }
    const messages = (async function* () {
      for (let n = 0; n < 1_000; n++) yield message('t', 'x')
    })()
    const options = { topic: 't', messages, batch: 10, perSecond: undefined, clock: systemClock() }
    const never = new AbortController().signal
    const published = await publishAll({ publish, close: () => Promise.resolve() }, { ...options, signal: never })
    expect(published).toMatchObject({ sent: 1_000, failed: 0, error: undefined })
    expect(most).toBe(8)
  })

  test.each([
    [['-m', 'x'], /--topic/],
    [['-t', 'orders'], /--message/],
    [['-t', 'a b', '-m', 'x'], /"a b"/],
    [['-t', 'orders', '-m', 'x', '--file=-'], /--message and --file/],
    [['-t', 'orders', '-m', 'x', '--rate=1/s', '--delay=1s'], /--delay and --rate/],
    [['-t', 'orders', '-m', 'x', '--delay=soon'], /a duration such as/],
    [['-t', 'orders', '-m', 'x', '--headers=x'], /NAME=VALUE/],
    [['-t', 'orders', '-m', 'x', '--exchange=e'], /only amqp: brokers/],
    [['-t', 'orders', '-m', 'x', '--type=ring'], /direct, topic, fanout, headers/],
    [['-t', 'orders', '--file=/nowhere/at/all'], /ENOENT/],
    [['-t', 'orders', '-m', 'x', '--url=memory:'], /memory:/],
  ])('%j is refused with 64', async (flags, why) => {
    const { code, stderr } = await runCommand(open(), ['publish', ...flags])
    expect(code).toBe(64)
    expect(stderr).toMatch(why)
  })
})

test.each([
  ['amqp://h', {}, 'amqp://h'],
  ['amqp://h', { exchange: 'a b' }, 'amqp://h?exchange=a%20b'],
  [
    'amqps://h/v?heartbeatSeconds=5',
    { exchange: 'e', type: 'fanout' },
    'amqps://h/v?heartbeatSeconds=5&exchange=e&type=fanout',
  ],
])('%s with %j is %s', (url, options, wanted) => expect(amqpUrl(url, options)).toBe(wanted))

describe('tap', () => {
  const filledTopic = async (count: number) => {
    const driver = open()
    await driver.publish(
      'orders.eu',
      Array.from({ length: count }, (_, n) => message('orders.eu', `body ${n}`, { id: `m${n}`, key: 'k' })),
    )
    return driver
  }

  test('shows what is there and what comes, and joins no group', async () => {
    const driver = await filledTopic(2)
    const { code, stdout, stderr } = await runCommand(driver, ['tap', '-t', 'orders.*', '--from=earliest', '--count=2'])
    expect([code, stdout]).toEqual([0, 'orders.eu key=k: body 0\norders.eu key=k: body 1\n'])
    expect(stderr).toContain('looking at orders.*')
    expect(await bodies(driver, 'orders.eu')).toEqual(['body 0', 'body 1'])
  })

  test('shows only what comes unless told otherwise, until it is told to stop', async () => {
    const driver = await filledTopic(2)
    const stopping = new AbortController()
    const running = runCommand(driver, ['tap', '-t', 'orders.eu', '--format=json'], {
      signal: stopping.signal,
      onStdout: () => stopping.abort(),
    })
    await new Promise<void>((resolve) => setImmediate(resolve))
    await driver.publish('orders.eu', [message('orders.eu', Buffer.from([0xff]), { id: 'new', headers: { a: 'b' } })])
    const { code, stdout } = await running
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ id: 'new', topic: 'orders.eu', headers: { a: 'b' }, body: '/w==', encoding: 'base64', bytes: 1 },
    })
  })

  test('a rate passes over the rest, and says how many', async () => {
    const broker = memoryBroker({ partitions: 1 })
    const driver = broker.connect()
    await driver.publish(
      'orders',
      Array.from({ length: 50 }, (_, n) => message('orders', `body ${n}`)),
    )
    const stopping = new AbortController()
    const { signal } = stopping
    const running = runCommand(driver, ['tap', '-t', 'orders', '--from=earliest', '--rate=1/h'], { signal })
    await expect.poll(() => broker.books().acked).toBe(50)
    stopping.abort()
    const { stdout, stderr } = await running
    expect(stdout).toBe('orders: body 0\n')
    expect(stderr).toMatch(/1 shown, 49 passed over/)
  })

  test('a sample of a half shows about that', async () => {
    const driver = await filledTopic(1_000)
    const half = await runCommand(driver, ['tap', '-t', 'orders.eu', '--from=earliest', '--sample=0.5', '--count=400'])
    const [, passedOver] = /400 shown, (\d+) passed over/.exec(half.stderr) ?? []
    expect(Number(passedOver)).toBeGreaterThan(200)
    expect(Number(passedOver)).toBeLessThanOrEqual(600)
  })

  test.each([
    [[], /--topic/],
    [['-t', 'a..b'], /empty token/],
    [['-t', 'a', '--count=0'], /--count/],
    [['-t', 'a', '--sample=2'], /--sample/],
    [['-t', 'a', '--from=yesterday'], /latest, earliest/],
  ])('%j is refused with 64', async (flags, why) => {
    const { code, stderr } = await runCommand(open(), ['tap', ...flags])
    expect(code).toBe(64)
    expect(stderr).toMatch(why)
  })

  test('what a broker does not have is refused, not left out', async () => {
    const driver = open()
    const poor = { ...driver, guarantees: { ...driver.guarantees, replay: false, wildcards: false } }
    expect(await runCommand(poor, ['tap', '-t', 'a', '--from=earliest'])).toMatchObject({ code: 64 })
    expect(await runCommand(poor, ['tap', '-t', 'a.*'])).toMatchObject({ code: 64 })
  })
})

test('bug: tap to a slow reader warned of a leak: it holds the broker back, with a bound', async () => {
  const driver = open()
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  process.on('warning', warn)
  const stdout = new PassThrough({ highWaterMark: 1 })
  const stopping = new AbortController()
  const ready = Promise.withResolvers<void>()
  let delivered = 0
  const counting: Driver = {
    ...driver,
    subscribe: (topic, handle, options) =>
      driver.subscribe(
        topic,
        (delivery) => {
          delivered += 1
          return handle(delivery)
        },
        options,
      ),
  }
  const tapping = runTap(counting, stdout, { signal: stopping.signal, onReady: ready.resolve })
  await ready.promise
  for (let n = 0; n < 1_000; n++) await driver.publish('orders', [message('orders', `order ${n}`)])
  await expect.poll(() => delivered).toBeGreaterThan(10)
  // Each that is shown waits; those that may be unsettled at once are all that came.
  expect(delivered).toBeLessThanOrEqual(100)
  let text = ''
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await expect.poll(() => text.split('\n').length, { timeout: 10_000 }).toBe(1_001)
  stopping.abort()
  await tapping
  process.off('warning', warn)
  expect(warnings).toEqual([])
})

test('tap that waits for a slow reader is ended by its signal', async () => {
  const driver = open()
  const stdout = new PassThrough({ highWaterMark: 1 })
  const stopping = new AbortController()
  const ready = Promise.withResolvers<void>()
  const tapping = runTap(driver, stdout, { signal: stopping.signal, onReady: ready.resolve })
  await ready.promise
  await driver.publish('orders', [message('orders', 'x'), message('orders', 'y')])
  await expect.poll(() => stdout.writableNeedDrain).toBe(true)
  stopping.abort()
  await tapping
})

/** The command, with an output that is read when the test says so. */
const runTap = async (
  driver: Driver,
  stdout: PassThrough,
  { signal, onReady }: { readonly signal: AbortSignal; readonly onReady: () => void },
) => {
  const { tap } = messagingCommands(programOver(driver))
  if (tap === undefined) throw new Error('no tap')
  const env = { MESSAGING_URL: 'kafka://127.0.0.1:9092' }
  const { config, positionals, rest } = readSettings('tap', tap.settings, ['-t', 'orders'], env, tap)
  const stderr = new PassThrough()
  stderr.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('looking at')) onReady()
  })
  const stdin = new PassThrough()
  return tap.run(config, { stdin, stdout, stderr, signal, positionals, rest })
}
