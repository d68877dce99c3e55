import { patternOf } from '@armature/messaging/events'
import type { EventRecord } from './event-record.ts'
import { gaps } from './gaps.ts'
import { overlap } from './topics.ts'

/** A change that breaks a consumer. */
export interface Break {
  readonly event: string
  /** The service that publishes the event. */
  readonly service: string
  /** The handler that is broken: `<service>/<handler>`. */
  readonly consumer: string
  readonly problem: string
  readonly when: string
}

const now = 'today'
const older = 'during an update, while consumers of the last release run'
const waiting = 'for messages of the last release that still wait'

/**
 * What is broken between the events of today, their consumers, and what was released last: a consumer must read what is written today and what
 * was written at the last release, which still waits in its topic; a consumer of the last release, which still runs during an update, must read
 * what is written today. `services` are those of today: what was released of a service that is gone counts for nothing.
 */
export const breaks = (
  today: readonly EventRecord[],
  released: readonly EventRecord[],
  services: readonly string[],
): readonly Break[] => {
  const isHere = (consumer: string) => services.includes(consumer.split('/', 1)[0] ?? '')
  const before = released
    .filter(({ service }) => services.includes(service))
    .map((record) => ({
      ...record,
      consumers: Object.fromEntries(Object.entries(record.consumers).filter(([name]) => isHere(name))),
    }))
  const found = [
    ...today.flatMap((event) => readingGaps(event, event, now)),
    ...before.flatMap((old) => {
      const event = today.find((each) => each.event === old.event)
      return event === undefined ? goneEvent(old) : changedEvent(old, event)
    }),
  ]
  const keys = found.map(({ consumer, event, problem }) => JSON.stringify([consumer, event, problem]))
  return found.filter((_, index) => keys.indexOf(keys[index] ?? '') === index)
}

const goneEvent = ({ event, service, consumers }: EventRecord): readonly Break[] =>
  Object.keys(consumers).map((consumer) => ({
    ...{ event, service, consumer, when: now },
    problem: 'the event is published no longer',
  }))

const changedEvent = (old: EventRecord, { topic, ...event }: EventRecord): readonly Break[] => {
  const moved = Object.entries(old.consumers)
    .filter(([, read]) => topic === null || !overlap(patternOf(topic), read.topic))
    .map(([consumer, read]) => ({
      ...{ event: event.event, service: event.service, consumer, when: older },
      problem: `the event is published to ${topic ?? 'no topic'}, but ${read.topic} is read`,
    }))
  if (moved.length > 0) return moved
  const written = { topic, ...event }
  return [...readingGaps(written, old, older), ...readingGaps(old, written, waiting)]
}

/** The gaps between an event as `written` has it and the consumers that `read` has. */
const readingGaps = (written: EventRecord, read: EventRecord, when: string): readonly Break[] =>
  Object.entries(read.consumers).flatMap(([consumer, { schema }]) => {
    if (schema === undefined) return []
    const problems =
      written.schema === undefined ? ['the body may be anything, but a schema is read'] : gaps(written.schema, schema)
    return problems.map((problem) => ({ event: read.event, service: written.service, consumer, problem, when }))
  })
