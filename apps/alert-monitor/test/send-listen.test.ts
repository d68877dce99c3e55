import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { PublishError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, message, type Message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { commands } from '../src/commands.ts'
import { listen } from '../src/commands/listen.ts'
import { send } from '../src/commands/send.ts'

const messagingUrl = 'nats://127.0.0.1:4222'

const listener = (driver: Driver, options: { on: string; count?: number; signal?: AbortSignal }) => {
  const bodies: string[] = []
  const listening = Promise.withResolvers<void>()
  const written = listen(driver, {
    ...options,
    write: (message) => void bodies.push(bodyText(message)),
    onListening: listening.resolve,
  })
  return { bodies, written, listening: listening.promise }
}

describe('send and listen over one broker', () => {
  test('what one sends the other hears, in order of topic and up to the count', async () => {
    const broker = memoryBroker({ partitions: 1 })
    const heard = listener(broker.connect(), { on: 'alerts.test', count: 3 })
    await heard.listening
    const sender = broker.connect()
    await send(sender, { on: 'alerts.other', body: 'not this' })
    await send(sender, { on: 'alerts.test', body: 'one' })
    await send(sender, { on: 'alerts.test', body: 'again', count: 5 })
    expect(await heard.written).toBe(3)
    expect(heard.bodies).toEqual(['one', 'again', 'again'])
  })

  test('each of many messages has an id of its own', async () => {
    const broker = memoryBroker()
    const ids = new Set<string>()
    const listening = Promise.withResolvers<void>()
    const write = ({ id }: Message) => void ids.add(id)
    const written = listen(broker.connect(), { on: 'many', count: 250, write, onListening: listening.resolve })
    await listening.promise
    await send(broker.connect(), { on: 'many', body: 'x', count: 250 })
    expect(await written).toBe(250)
    expect(ids.size).toBe(250)
  })

  test('wildcards, and an end when told to', async () => {
    const broker = memoryBroker()
    const stopping = new AbortController()
    const heard = listener(broker.connect(), { on: 'alerts.>', signal: stopping.signal })
    await heard.listening
    await send(broker.connect(), { on: 'alerts.a.b', body: 'x' })
    await expect.poll(() => heard.bodies, { timeout: 10_000 }).toEqual(['x'])
    stopping.abort()
    expect(await heard.written).toBe(1)
  })

  test('a driver that delivers past the count has those messages rejected', async () => {
    const rejected: unknown[] = []
    const subscriber: Pick<Driver, 'subscribe'> = {
      subscribe: (topic, handle) => {
        const { signal } = new AbortController()
        const deliver = () => handle({ ...message(topic, 'x'), attempt: 1, signal })
        void (async () => {
          for (let index = 0; index < 4; index += 1) await deliver().catch((error: unknown) => rejected.push(error))
        })()
        const done = () => Promise.resolve()
        return Promise.resolve({ stop: done, idle: done, close: done, inFlight: 0 })
      },
    }
    const bodies: string[] = []
    const write = (heard: Message) => void bodies.push(bodyText(heard))
    expect(await listen({ ...subscriber, close: () => Promise.resolve() }, { on: 'a', count: 2, write })).toBe(2)
    await expect.poll(() => rejected.length, { timeout: 10_000 }).toBe(2)
    expect(bodies).toHaveLength(2)
  })

  test('a writer that fails ends it with the reason', async () => {
    const broker = memoryBroker()
    const listening = Promise.withResolvers<void>()
    const failing = listen(broker.connect(), {
      on: 'a',
      write: () => Promise.reject(new Error('disk full')),
      onListening: listening.resolve,
    })
    await listening.promise
    const failed = expect(failing).rejects.toThrow('disk full')
    await send(broker.connect(), { on: 'a', body: 'x' })
    await failed
  })
})

const io = (positionals: readonly string[] = []) => {
  const stopping = new AbortController()
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  return { ...streams, positionals, rest: [], signal: stopping.signal, stopping }
}

const text = (stream: PassThrough): string => String(stream.read() ?? '')

const commandOf = (open: (url: string) => Promise<Driver>, name: 'send' | 'listen') => {
  const found = commands(open)[name]
  if (found === undefined) throw new Error(`no command ${name}`)
  return found
}

describe('the commands', () => {
  test.each([
    ['text', /^hello\nhello\n$/],
    ['json', /^(\{"id":"[^"]+","topic":"alerts\.x",.*"body":"hello"\}\n){2}$/],
  ])('send and listen --format %s', async (format, printed) => {
    const broker = memoryBroker()
    const open = () => Promise.resolve(broker.connect())
    const listening = io()
    const code = commandOf(open, 'listen').run({ messagingUrl, on: 'alerts.x', count: 2, format }, listening)
    await expect.poll(() => listening.stderr.readableLength, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(await commandOf(open, 'send').run({ messagingUrl, on: 'alerts.x', count: 2 }, io(['hello']))).toBe(0)
    expect(await code).toBe(0)
    expect(text(listening.stdout)).toMatch(printed)
    expect(text(listening.stderr)).toBe('listening on alerts.x\n')
  })

  test('listen ends with 0 when stopped', async () => {
    const broker = memoryBroker()
    const listening = io()
    const code = commandOf(() => Promise.resolve(broker.connect()), 'listen').run(
      { messagingUrl, on: 'x', format: 'text' },
      listening,
    )
    await expect.poll(() => listening.stderr.readableLength, { timeout: 10_000 }).toBeGreaterThan(0)
    listening.stopping.abort()
    expect(await code).toBe(0)
  })

  test.each([
    ['send', { on: 'x', count: 1 }],
    ['listen', { on: 'x', format: 'text' }],
  ] as const)('%s says that memory: reaches one process and what to set', async (name, config) => {
    await expect(
      commandOf(openDriver, name).run({ messagingUrl: 'memory:', ...config }, io(['hello'])),
    ).rejects.toMatchObject({
      exitCode: 64,
      message: expect.stringContaining('one process only') as string,
      fix: expect.stringContaining('MESSAGING_URL') as string,
    })
  })

  test.each([
    ['send', 'alerts.>', 64],
    ['send', 'a..b', 64],
    ['listen', 'a..b', 64],
  ] as const)('%s --on=%s is a fault of use', async (name, on, exitCode) => {
    const broker = memoryBroker()
    const running = commandOf(() => Promise.resolve(broker.connect()), name).run(
      { messagingUrl, on, count: 1, format: 'text' },
      io(['hello']),
    )
    await expect(running).rejects.toMatchObject({ exitCode })
  })

  test('a broker that takes nothing is unavailable, one of an unknown kind a wrong setting', async () => {
    const refused = new PublishError('no broker', { topic: 'x', fault: 'unavailable' })
    const driver: Driver = { ...memoryBroker().connect(), publish: () => Promise.reject(refused) }
    const run = (open: (url: string) => Promise<Driver>) =>
      commandOf(open, 'send').run({ messagingUrl: 'gopher://x', on: 'x', count: 1 }, io(['hello']))
    await expect(run(() => Promise.resolve(driver))).rejects.toMatchObject({ exitCode: 69 })
    await expect(run(openDriver)).rejects.toMatchObject({ exitCode: 78 })
  })
})
