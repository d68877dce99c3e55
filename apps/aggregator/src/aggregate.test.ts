import { drivenClock } from '@armature/async/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import { bodyText } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { delivery } from '../test/deliveries.ts'
import { type AggregateOptions, createAggregate } from './aggregate.ts'
import { begunGroups } from './late.ts'

const scenario = (options: Partial<AggregateOptions> = {}) => {
  const clock = drivenClock()
  const writes: string[] = []
  const aggregate = createAggregate({
    correlate: ({ key }) => key,
    policy: { count: 3, periodMs: 1_000, inactivityMs: 400 },
    clock,
    maxOpenGroups: 10,
    write: async ({ correlationKey, messages, mechanism }) => {
      writes.push(`${mechanism} ${correlationKey}:${messages.map(bodyText).join('')}`)
      return messages.map(() => undefined)
    },
    ...options,
  })
  const settled: string[] = []
  const send = (key: string, body: string) => {
    aggregate.handle(delivery(body, { key })).then(
      () => settled.push(body),
      (error: Error) => settled.push(`${body}: ${error.message}`),
    )
  }
  return { clock, aggregate, writes, settled, send }
}

test('groups by key, and a message is settled only with its group', async () => {
  const { clock, writes, settled, send, aggregate } = scenario()
  send('x', '1')
  send('y', 'a')
  send('x', '2')
  await clock.advance(0)
  expect(settled).toEqual([])
  expect(aggregate.openGroups).toBe(2)
  send('x', '3')
  await clock.advance(0)
  expect(writes).toEqual(['count x:123'])
  expect(settled).toEqual(['1', '2', '3'])
  expect(aggregate.openGroups).toBe(1)
})

test('completes by inactivity, and by time since the first where messages keep coming', async () => {
  const { clock, writes, send } = scenario({ policy: { periodMs: 1_000, inactivityMs: 400 } })
  send('quiet', 'q')
  for (let message = 0; message < 4; message += 1) {
    send('busy', String(message))
    await clock.advance(300)
  }
  expect(writes).toEqual(['inactivity quiet:q', 'period busy:0123'])
})

test('a message after completion begins a new group', async () => {
  const { clock, writes, send } = scenario({ policy: { count: 1 } })
  send('x', '1')
  send('x', '2')
  await clock.advance(0)
  expect(writes).toEqual(['count x:1', 'count x:2'])
})

test('no room for one more group: the oldest completes early', async () => {
  const { clock, writes, send, aggregate } = scenario({ maxOpenGroups: 2 })
  for (const key of ['a', 'b', 'c']) send(key, key)
  await clock.advance(0)
  expect(writes).toEqual(['limit a:a'])
  expect(aggregate.openGroups).toBe(2)
})

test('flush completes what is open, and each later message by itself', async () => {
  const { clock, writes, settled, send, aggregate } = scenario()
  send('x', '1')
  send('y', '2')
  aggregate.flush()
  send('x', '3')
  await clock.advance(0)
  expect(writes).toEqual(['flush x:1', 'flush y:2', 'flush x:3'])
  expect(settled).toEqual(['1', '2', '3'])
})

test('each message has the outcome of its own', async () => {
  const { clock, settled, send } = scenario({
    write: async ({ messages }) => messages.map((_, index) => (index === 1 ? new Error('refused') : undefined)),
  })
  for (const body of ['1', '2', '3']) send('x', body)
  await clock.advance(0)
  expect(settled.toSorted()).toEqual(['1', '2: refused', '3'])
})

test('a write that rejects leaves none of its group acknowledged, and the next group is written', async () => {
  let calls = 0
  const { clock, settled, send } = scenario({
    policy: { count: 2 },
    write: async ({ messages }) => {
      calls += 1
      if (calls === 1) throw new Error('down')
      return messages.map(() => undefined)
    },
  })
  for (const body of ['1', '2', '3', '4']) send('x', body)
  await clock.advance(0)
  expect(settled).toEqual(['1: down', '2: down', '3', '4'])
})

test('a write that answers for other messages than it was given leaves none of them acknowledged', async () => {
  const { clock, settled, send } = scenario({ write: async () => [undefined, undefined] })
  for (const body of ['1', '2', '3']) send('x', body)
  await clock.advance(0)
  const problem = 'the handler answered 2 outcomes for a batch of 3'
  expect(settled).toEqual(['1', '2', '3'].map((body) => `${body}: ${problem}`))
})

test('one write at a time, in the order of completion', async () => {
  const begun: string[] = []
  const first = Promise.withResolvers<void>()
  const { clock, send } = scenario({
    policy: { count: 1 },
    write: async ({ messages }) => {
      begun.push(messages.map(bodyText).join(''))
      await first.promise
      return messages.map(() => undefined)
    },
  })
  send('x', '1')
  send('x', '2')
  await clock.advance(0)
  expect(begun).toEqual(['1'])
  first.resolve()
  await clock.advance(0)
  expect(begun).toEqual(['1', '2'])
})

test('a message without correlation key is refused for good', async () => {
  const { aggregate } = scenario()
  await expect(aggregate.handle(delivery('x'))).rejects.toThrow(UnrecoverableError)
})

test('all groups can be completed at any time, and what comes then begins new ones', async () => {
  const { clock, writes, send, aggregate } = scenario()
  send('x', '1')
  send('y', '2')
  aggregate.completeAll()
  send('x', '3')
  await clock.advance(0)
  expect(writes).toEqual(['flush x:1', 'flush y:2'])
  expect(aggregate.openGroups).toBe(1)
})

const lateScenario = (options: Partial<AggregateOptions> = {}) => {
  const sent: string[] = []
  const late = {
    groups: begunGroups(4),
    send: async (message: Parameters<typeof bodyText>[0]) => void sent.push(bodyText(message)),
  }
  return { sent, ...scenario({ policy: { count: 2 }, late, ...options }) }
}

test('a message that comes after its group was completed goes where late ones go', async () => {
  const { clock, writes, settled, sent, send } = lateScenario()
  for (const body of ['1', '2', '3']) send('x', body)
  await clock.advance(0)
  expect(writes).toEqual(['count x:12'])
  expect(sent).toEqual(['3'])
  expect(settled.sort()).toEqual(['1', '2', '3'])
})

test('it is late also while its group is being written', async () => {
  const { clock, sent, send } = lateScenario({ write: () => new Promise(() => undefined) })
  for (const body of ['1', '2', '3']) send('x', body)
  await clock.advance(0)
  expect(sent).toEqual(['3'])
})

test('a repeat is not late: it is acknowledged once its group is written, and not before', async () => {
  const write = Promise.withResolvers<undefined[]>()
  const { clock, settled, sent, aggregate } = lateScenario({ write: () => write.promise })
  const first = delivery('1', { key: 'x' })
  void aggregate.handle(first)
  void aggregate.handle(delivery('2', { key: 'x' }))
  await expect(aggregate.handle(first)).rejects.toThrow('the group of the message is being written')
  write.resolve([undefined, undefined])
  await clock.advance(0)
  await aggregate.handle(first)
  expect(sent).toEqual([])
  expect(settled).toEqual([])
})

test('messages of a group that was given back are not late when they come again', async () => {
  const outcomes = [new Error('away'), undefined]
  const { clock, sent, aggregate } = lateScenario({ write: async () => outcomes.splice(0, 2) })
  const messages = ['1', '2'].map((body) => delivery(body, { key: 'x' }))
  const handled = Promise.allSettled(messages.map((message) => aggregate.handle(message)))
  await clock.advance(0)
  expect((await handled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  outcomes.push(undefined, undefined)
  await Promise.all(messages.map((message) => aggregate.handle(message)))
  expect(sent).toEqual([])
})

test('what is remembered of groups is bounded: the group begun first is forgotten first', async () => {
  const { clock, sent, send } = lateScenario()
  for (const key of ['x', 'y', 'z']) for (const part of ['1', '2']) send(key, `${key}${part}`)
  await clock.advance(0)
  for (const key of ['x', 'z']) send(key, `${key}3`)
  await clock.advance(0)
  expect(sent).toEqual(['z3'])
})
