import { isPattern } from '@armature/messaging/topic-pattern'
import type { StreamsConnection } from './streams-connection.ts'
import { joinScript } from './streams-scripts.ts'

export interface JoinRequest {
  readonly group: string
  /** A topic, or a pattern with wildcards. */
  readonly pattern: string
  /** The id after which a new group begins; `$` for the end of the stream. */
  readonly startId: string
  /** How long a private group lives without a renewal; 0 for a group that stays. */
  readonly leaseMs: number
}

/** The answer of the server to a group that has joined. */
export interface Joined {
  /** The number of the last topic that was registered. */
  readonly lastNumber: number
  /** The topics of the pattern, each with the id after which the group begins. */
  readonly topics: readonly (readonly [topic: string, startId: string])[]
}

/** Creates the group on every stream of the pattern that lacks it. Rejects with the error of the client or the server. */
export const join = async (connection: StreamsConnection, request: JoinRequest): Promise<Joined> => {
  const { group, pattern, startId, leaseMs } = request
  const isWild = isPattern(pattern) ? '1' : '0'
  const reply = await connection.run<[number, ...string[]]>(
    joinScript,
    group,
    pattern,
    startId,
    String(leaseMs),
    isWild,
  )
  const [lastNumber, ...list] = reply
  const topics = Array.from(
    { length: list.length / 2 },
    (_, at) => [list[2 * at] ?? '', list[2 * at + 1] ?? ''] as const,
  )
  return { lastNumber, topics }
}
