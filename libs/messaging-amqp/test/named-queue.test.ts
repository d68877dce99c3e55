import { serverDeadlineMs, serverUrl, uniqueName } from '@armature/servers/fixture'
import { Connection } from 'rabbitmq-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { amqpSettings } from '../src/settings.ts'
import { compose } from '@armature/messaging/compose'
import { deadLetter } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import { bodyText, message } from '@armature/messaging/message'
import type { Driver, Handler } from '@armature/messaging/ports'
import { systemClock } from '@armature/async/clock'
import { withOptions } from './fixture.ts'

/** Programs that know RabbitMQ alone use rabbitmq-client. */
let server: string
let outside: Connection
let open: Driver[] = []
let queue: string

beforeAll(async () => {
  server = await serverUrl('rabbitmq')
  outside = new Connection(server)
}, serverDeadlineMs)
afterAll(() => outside?.close())
afterEach(async () => {
  await Promise.all(open.map((driver) => driver.close()))
  open = []
  await outside.queueDelete({ queue }).catch(() => undefined)
})

const connect = async (options: Readonly<Record<string, string>> = {}, warn = (_: string) => undefined as void) => {
  const driver = await openAmqp(withOptions(server, { queue, ...options }), { warn })
  open.push(driver)
  return driver
}
const newQueue = () => (queue = uniqueName('task_queue'))

/** Published as in RabbitMQ's tutorial: to the default exchange, by the name of the queue, with no header. */
const send = async (texts: readonly string[]) => {
  const publisher = outside.createPublisher({ confirm: true })
  for (const text of texts) {
    await publisher.send({ routingKey: queue, durable: true, mandatory: true }, Buffer.from(text))
  }
  await publisher.close()
}
const texts = (count: number) => Array.from({ length: count }, (_, n) => `task ${n}`)
const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 30_000, interval: 20 })
const recorder = () => {
  const bodies: string[] = []
  const topics = new Set<string>()
  const handle: Handler = async (delivery) => {
    bodies.push(bodyText(delivery))
    topics.add(delivery.topic)
  }
  return { bodies, topics, handle }
}
const left = async () => (await outside.queueDeclare({ queue, passive: true })).messageCount

interface Declaration {
  readonly durable?: boolean
  readonly autoDelete?: boolean
  readonly arguments?: { readonly 'x-queue-type': 'quorum'; readonly 'x-max-length': number }
}

const declarations: readonly (readonly [string, Declaration | undefined])[] = [
  ['is not there', undefined],
  ['is durable', { durable: true }],
  ['is a quorum queue with a limit', { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1000 } }],
  ['is gone with the broker', { durable: false, autoDelete: true }],
]

describe('the queue that the URL names', () => {
  test.each(declarations)('%s: members of a group share its messages', async (_, declaration) => {
    newQueue()
    if (declaration !== undefined) await outside.queueDeclare({ queue, ...declaration })
    const [one, other] = [recorder(), recorder()]
    for (const { handle } of [one, other]) await (await connect()).subscribe(queue, handle, { group: 'workers' })
    await send(texts(40))
    await eventually(() => expect([...one.bodies, ...other.bodies].toSorted()).toEqual(texts(40).toSorted()))
    expect(one.bodies).not.toHaveLength(0)
    expect([...one.topics]).toEqual([queue])
    await Promise.all(open.splice(0).map((driver) => driver.close()))
    if (declaration?.autoDelete !== true) expect(await left()).toBe(0)
  })

  test('what it makes is what others declare without arguments', async () => {
    newQueue()
    await (await connect()).subscribe(queue, async () => undefined, { group: 'workers' })
    await outside.queueDeclare({ queue, durable: true })
  })

  test('what is there before the members comes to them, by whatever exchange it came, with its routing key as topic', async () => {
    newQueue()
    await outside.queueDeclare({ queue, durable: true })
    await outside.queueBind({ queue, exchange: 'amq.topic', routingKey: `orders.${queue}` })
    await send(['before'])
    const publisher = outside.createPublisher({ confirm: true })
    await publisher.send({ exchange: 'amq.topic', routingKey: `orders.${queue}`, mandatory: true }, Buffer.from('x'))
    await publisher.close()
    const { topics, handle } = recorder()
    await (await connect()).subscribe(queue, handle, { group: 'workers' })
    await eventually(() => expect([...topics].toSorted()).toEqual([`orders.${queue}`, queue].toSorted()))
  })

  test('a rejected message comes again; what a member had that died goes to the next', async () => {
    newQueue()
    const attempts: number[] = []
    const dying = await connect()
    await dying.subscribe(
      queue,
      async ({ attempt }) => {
        attempts.push(attempt)
        throw new Error('not now')
      },
      { group: 'workers', redeliveryDelayMs: 1 },
    )
    await send(['task'])
    await eventually(() => expect(attempts.slice(0, 3)).toEqual([1, 2, 3]))
    await dying.close()
    const next = recorder()
    await (await connect()).subscribe(queue, next.handle, { group: 'workers' })
    await eventually(() => expect(next.bodies).toEqual(['task']))
  })

  test('a queue that somebody removes is made again', async () => {
    newQueue()
    const warnings: string[] = []
    const { bodies, handle } = recorder()
    const driver = await connect({}, (problem) => void warnings.push(problem))
    await driver.subscribe(queue, handle, { group: 'workers' })
    await outside.queueDelete({ queue })
    await eventually(async () => expect(await left()).toBe(0))
    await send(['after'])
    await eventually(() => expect(bodies).toEqual(['after']))
    expect(warnings.join()).toContain(`the consumer of the queue ${queue}`)
  })

  test('a publish to its name goes into it, also a dead letter that is published again', async () => {
    newQueue()
    const driver = await connect()
    await expect(driver.publish(queue, [message(queue, 'x')])).rejects.toThrow(`there is no queue ${queue}`)
    const letters = recorder()
    const other = await openAmqp(server, { warn: () => undefined })
    open.push(other)
    await other.subscribe(`${queue}.DLT`, letters.handle, { group: 'letters' })
    const around = compose(deadLetter({ publisher: driver, handler: 'h', group: 'workers', clock: systemClock() }))
    let isPoison = true
    const taken: string[] = []
    const handle: Handler = async (delivery) => {
      if (isPoison) throw new UnrecoverableError('poison', 'no')
      taken.push(bodyText(delivery))
    }
    await driver.subscribe(queue, around(handle), { group: 'workers' })
    await send(['task'])
    await eventually(() => expect(letters.bodies).toEqual(['task']))
    isPoison = false
    await driver.publish(queue, [message(queue, 'task again')])
    await eventually(() => expect(taken).toEqual(['task again']))
  })
})

describe('what a queue cannot be read as', () => {
  test('without a group, by a pattern, or for two groups or topics', async () => {
    newQueue()
    const driver = await connect()
    const handle = async () => undefined
    await expect(driver.subscribe(queue, handle)).rejects.toThrow('name a group')
    await expect(driver.subscribe('logs.>', handle, { group: 'a' })).rejects.toThrow(
      `all of the queue ${queue} comes to its subscribers`,
    )
    const first = await driver.subscribe(queue, handle, { group: 'a' })
    await expect(driver.subscribe(queue, handle, { group: 'b' })).rejects.toThrow('the group a reads the queue')
    await expect(driver.subscribe('other', handle, { group: 'a' })).rejects.toThrow('the group a reads the queue')
    const second = await driver.subscribe(queue, handle, { group: 'a' })
    await Promise.all([first.close(), second.close()])
    await driver.subscribe(queue, handle, { group: 'b' })
  })

  test('a queue that one connection has for itself', async () => {
    newQueue()
    await outside.queueDeclare({ queue, exclusive: true })
    const driver = await connect({ connectWaitMs: '2000' })
    await expect(driver.subscribe(queue, async () => undefined, { group: 'a' })).rejects.toThrow(
      'belongs to one connection alone',
    )
  })

  test('a stream', async () => {
    newQueue()
    await outside.queueDeclare({ queue, durable: true, arguments: { 'x-queue-type': 'stream' } })
    const driver = await connect({ connectWaitMs: '2000' })
    await expect(driver.subscribe(queue, async () => undefined, { group: 'a' })).rejects.toThrow('is a stream')
  })

  test.each([
    ['?queue=', /queue/],
    [`?queue=${'x'.repeat(256)}`, /a queue of more than 255 bytes/],
    ['?queue=a&deliveryLimit=3', /deliveryLimit beside queue/],
    ['?queue=a&singleActive=true', /singleActive beside queue/],
    ['?queue=a&type=headers&bind={"a":"b"}', /bind beside queue/],
  ])('%s', (query, problem) => {
    expect(() => amqpSettings(`amqp://rabbit/${query}`)).toThrow(problem)
  })
})
