import { isDeepStrictEqual } from 'node:util'
import { drivenClock } from '@armature/async/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import { bodyJson, jsonMessage, message, type Message } from '@armature/messaging/message'
import type { Delivery } from '@armature/messaging/ports'
import { type CompleteGroup, createAggregate } from './aggregate.ts'
import { begunGroups } from './late.ts'
import type { PipelinePlan } from './pipeline.ts'
import type { TestCase } from './pipeline-schema.ts'

/** The outcome of the messages of a case. */
interface Observed {
  readonly groups: CompleteGroup[]
  readonly deadLettered: string[]
  discarded: number
  late: number
  open: number
}

/**
 * Runs one case of a pipeline, without a broker and without a sink, on a clock that only its steps move. Resolves to what is not as expected,
 * a line each; none where it passed.
 */
export const runCase = async (plan: PipelinePlan, testCase: TestCase): Promise<readonly string[]> =>
  differences(plan, testCase, await observe(plan, testCase))

const observe = async (plan: PipelinePlan, { steps }: TestCase): Promise<Observed> => {
  const clock = drivenClock()
  const observed: Observed = { groups: [], deadLettered: [], discarded: 0, late: 0, open: 0 }
  const { correlate, policy, maxOpenGroups, late, filter, fold } = plan
  const aggregate = createAggregate({
    correlate,
    policy,
    clock,
    maxOpenGroups,
    maxWritesAtOnce: Infinity,
    write: async (group) => {
      observed.groups.push(group)
      return group.messages.map(() => undefined)
    },
    ...(late && { late: { groups: begunGroups(late.maxMessages), send: async () => void observed.late++ } }),
  })
  const take = (sent: Message) => {
    if (filter?.(sent) === false) {
      observed.discarded++
      return
    }
    try {
      fold?.check(sent)
    } catch (error) {
      observed.deadLettered.push(reasonOf(error))
      return
    }
    aggregate.handle(deliveryOf(sent)).catch((error: unknown) => void observed.deadLettered.push(reasonOf(error)))
  }
  let ids = 0
  for (const step of steps) {
    if ('waitMs' in step) await clock.advance(step.waitMs)
    else if ('completeAll' in step) aggregate.completeAll()
    else for (let time = 0; time < (step.times ?? 1); time++) take(messageOf(step, plan, `message-${++ids}`))
    await clock.advance(0)
  }
  observed.open = aggregate.openGroups
  return observed
}

type MessageStep = Exclude<TestCase['steps'][number], { waitMs: number } | { completeAll: true }>

const messageOf = ({ id, topic, key, headers, body = '', times }: MessageStep, plan: PipelinePlan, nextId: string) => {
  const options = {
    id: times === undefined ? (id ?? nextId) : `${id ?? ''}${nextId}`,
    time: new Date(0),
    ...(key !== undefined && { key }),
    ...(headers && { headers: lowerCase(headers) }),
  }
  const to = topic ?? plan.topic
  return typeof body === 'string' ? message(to, body, options) : jsonMessage(to, body, options)
}

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const deliveryOf = (sent: Message): Delivery => ({ ...sent, attempt: 1, signal: new AbortController().signal })

const reasonOf = (error: unknown): string => (error instanceof UnrecoverableError ? error.reason : String(error))

const differences = (plan: PipelinePlan, testCase: TestCase, observed: Observed): string[] => {
  const { groups } = observed
  const found: string[] = []
  const compare = (what: string, expected: unknown, actual: unknown) => {
    if (expected !== undefined && !isDeepStrictEqual(expected, actual))
      found.push(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
  }
  compare('groups', testCase.expect.length, groups.length)
  for (const [place, expected] of testCase.expect.entries()) {
    const group = groups[place]
    if (group === undefined) break
    const where = `group ${place + 1}`
    compare(`${where}, key`, expected.key, group.correlationKey)
    compare(`${where}, by`, expected.by, group.mechanism)
    compare(`${where}, events`, expected.events, group.messages.length)
    compare(
      `${where}, ids`,
      expected.ids,
      group.messages.map(({ id }) => id),
    )
    if (expected.body !== undefined) compare(`${where}, body`, expected.body, documentOf(plan, group))
  }
  for (const what of ['discarded', 'late', 'deadLettered', 'open'] as const)
    compare(what, testCase[what], observed[what])
  return found
}

/** The merged document, or the only one of a group of one message. */
const documentOf = ({ fold }: PipelinePlan, { correlationKey, messages }: CompleteGroup): unknown => {
  const [first] = messages
  const merged = fold?.merge(correlationKey, messages, 'test') ?? (messages.length === 1 ? first : undefined)
  return merged && bodyJson(merged)
}
