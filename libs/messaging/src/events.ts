import type { Schema } from './on.ts'
import { checkPattern } from './topic-pattern.ts'

/** A topic as it stands in the code, or the setting that holds it. */
export type TopicSource = string | { readonly setting: string }

/** An event that a service publishes. */
export interface SentEvent {
  /** Unique among the events of the workspace, in kebab-case: `order-placed`. */
  readonly name: string
  /** What it says, in one sentence. */
  readonly summary: string
  /** `{name}` stands for one token that differs from message to message: `alerts.{name}`. */
  readonly topic: TopicSource
  /** The CloudEvents `type` of its messages, where they have one. */
  readonly types?: readonly string[]
  /** Default: `application/json`. */
  readonly contentTypes?: readonly string[]
  /** The body as JSON, a schema of zod. Without it the body may be anything. */
  readonly schema?: Schema<unknown>
}

/** The messages that one handler takes. */
export interface ReceivedEvents<T = unknown> {
  /** The name of the handler, as `on` takes it. */
  readonly name: string
  /** May hold wildcards. */
  readonly topic: TopicSource
  /** What the handler reads of a body, a schema of zod. Without it any body is taken. */
  readonly schema?: Schema<T>
}

/** What a service publishes and takes: the export `events` of its `src/events.ts`, from which its contracts are written. */
export interface Events {
  readonly sends: readonly SentEvent[]
  readonly receives: readonly ReceivedEvents[]
}

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/

/**
 * Checks the declaration of a service and returns it. Throws TypeError for a name that is not in kebab-case or stands there twice, and
 * TopicError for a bad topic.
 */
export const defineEvents = ({ sends, receives }: Events): Events => {
  for (const named of [sends, receives]) {
    const names = named.map(({ name }) => name)
    for (const name of names) {
      if (!kebabCase.test(name))
        throw new TypeError(`an event is named ${JSON.stringify(name)}: use lower-case letters, digits and -`)
      if (names.indexOf(name) !== names.lastIndexOf(name))
        throw new TypeError(`two events are named ${name}: give one of them another name`)
    }
  }
  for (const { topic } of [...sends, ...receives]) if (typeof topic === 'string') checkPattern(patternOf(topic))
  return { sends, receives }
}

/** The pattern of the topics that `topic` stands for: `alerts.{name}` is `alerts.*`. */
export const patternOf = (topic: string): string => topic.replaceAll(/\{[a-z][\w-]*\}/gi, '*')
