import { patternOf } from '@armature/messaging/events'
import type { Declared } from './declared.ts'
import type { JsonSchema } from './json-schema.ts'
import { overlap } from './topics.ts'

/** A handler that takes an event. */
export interface Consumer {
  readonly topic: string
  /** What it reads; absent: any body. */
  readonly schema?: JsonSchema | undefined
}

/** An event and who takes it: the contents of `contracts/events/<event>.json`. */
export interface EventRecord {
  readonly event: string
  /** The service that publishes it. */
  readonly service: string
  readonly summary: string
  /** Null: that of a setting without a default. */
  readonly topic: string | null
  readonly types: readonly string[]
  readonly contentTypes: readonly string[]
  /** Absent: the body may be anything. */
  readonly schema?: JsonSchema | undefined
  /** By `<service>/<handler>`. */
  readonly consumers: Readonly<Record<string, Consumer>>
}

/** Every event that the services publish, with the handlers whose topics take it in. */
export const eventRecords = (services: readonly Declared[]): readonly EventRecord[] =>
  services.flatMap(({ service, sends }) =>
    sends.map(({ name, summary, topic, types, contentTypes, schema }) => ({
      ...{ event: name, service, summary, topic: topic ?? null, types, contentTypes },
      ...(schema && { schema }),
      consumers: topic === undefined ? {} : consumersOf(patternOf(topic), services),
    })),
  )

const consumersOf = (pattern: string, services: readonly Declared[]): EventRecord['consumers'] =>
  Object.fromEntries(
    services.flatMap(({ service, receives }) =>
      receives.flatMap(({ name, topic, schema }) =>
        topic !== undefined && overlap(pattern, topic)
          ? [[`${service}/${name}`, { topic, ...(schema && { schema }) }] as const]
          : [],
      ),
    ),
  )
