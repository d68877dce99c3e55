import { consul } from './consul.ts'
import { graphite } from './graphite.ts'
import { kafka } from './kafka.ts'
import { nats } from './nats.ts'
import { opensearch } from './opensearch.ts'
import { postgres } from './postgres.ts'
import { rabbitmq } from './rabbitmq.ts'
import { redis } from './redis.ts'
import type { ServerKind } from './server.ts'
import { toxiproxy } from './toxiproxy.ts'

/** All servers that there are, by name. */
export const kinds = {
  consul,
  graphite,
  kafka,
  nats,
  opensearch,
  postgres,
  rabbitmq,
  redis,
  toxiproxy,
} as const satisfies Record<string, ServerKind>

const allKinds: readonly ServerKind[] = Object.values(kinds)

export type ServerName = keyof typeof kinds

export const serverNames = Object.keys(kinds) as readonly ServerName[]

/** Those of the words that name no server. */
export const unknownNames = (words: readonly string[]): readonly string[] =>
  words.filter((word) => !serverNames.includes(word as ServerName))

/** Those of the names whose servers cannot have several nodes. */
export const withoutClusters = (names: readonly string[]): readonly string[] =>
  names.filter((name) => !allKinds.some((kind) => kind.name === name && kind.clusters === true))

/** One line that says what is wrong with such words and what would be right. */
export const unknownServer = (words: readonly string[]): string =>
  `No such server: ${words.join(', ')}. The servers are ${serverNames.join(', ')}.`
