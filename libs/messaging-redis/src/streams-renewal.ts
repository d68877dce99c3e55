import type { StreamsConnection } from './streams-connection.ts'
import type { TopicLeases } from './streams-leases.ts'
import type { PendingEntries } from './streams-pending-entries.ts'
import { renewEntriesScript } from './streams-consumer-scripts.ts'

export interface RenewalParts {
  readonly connection: StreamsConnection
  readonly group: string
  readonly consumer: string
  readonly entries: PendingEntries
  readonly leases: TopicLeases | undefined
  readonly claimIdleMs: number
}

/** Ticks of the timer within `claimIdleMs`. */
const ticksPerClaimIdle = 3
const maxIdsAtOnce = 500

/**
 * Claims pending entries anew and renews leases, three times within `claimIdleMs`, so that no other consumer takes them over. Where the server
 * has heard nothing of an entry for `claimIdleMs` the consumer loses it, since another may have it. Answers how to end that.
 */
export const startRenewal = (parts: RenewalParts): (() => void) => {
  const { connection, group, consumer, entries, leases, claimIdleMs } = parts
  let renewing: Promise<void> | undefined
  /** Ticks since the renewal under way began. A stall of this process is no silence of the server, so that ticks are counted, not time. */
  let silentTicks = 0

  const renew = async () => {
    await leases?.renew()
    for (const { topic, ids } of entries.index.notRenewedFor(claimIdleMs / ticksPerClaimIdle, maxIdsAtOnce)) {
      const lost = await connection.run<string[]>(renewEntriesScript, topic, group, consumer, ...ids)
      entries.index.renew(topic, ids)
      entries.lose(topic, lost)
    }
  }

  const loseSilent = () => {
    for (const { topic, ids } of entries.index.notRenewedFor(claimIdleMs, maxIdsAtOnce)) entries.lose(topic, ids)
  }

  const onTick = () => {
    silentTicks = renewing === undefined ? 0 : silentTicks + 1
    if (connection.client === undefined || silentTicks >= ticksPerClaimIdle) loseSilent()
    renewing ??= renew()
      .catch(() => undefined)
      .finally(() => (renewing = undefined))
  }

  const timer = setInterval(onTick, Math.ceil(claimIdleMs / ticksPerClaimIdle)).unref()
  return () => clearInterval(timer)
}
