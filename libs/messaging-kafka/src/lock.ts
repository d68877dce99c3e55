import { randomUUID } from 'node:crypto'
import { ConnectError } from '@armature/messaging/errors'
import { codes } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode, isPassing, KafkaFault } from './faults.ts'

export interface LockParts {
  readonly cluster: KafkaCluster
  /** The name of the consumer group that is the lock. */
  readonly group: string
  /** The work of its holder, for the error that others get: `remove from orders.DLT`. */
  readonly doing: string
}

/** One process at a time has it. */
export interface KafkaLock {
  /** Aborted when it may be another's: the broker did not hear of this holder for a session. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

const retryMs = 200
const rebalanceTimeoutMs = 5_000
const beatsPerSession = 3

/**
 * A lock that the broker keeps, and takes from a dead holder after `sessionTimeoutMs`: a consumer group whose members each know only a
 * protocol of their own, so that Kafka refuses a second one. Rejects with ConnectError where another has it for longer than
 * `connectWaitMs` and a session.
 */
export const kafkaLock = async ({ cluster, group, doing }: LockParts): Promise<KafkaLock> => {
  const { connectWaitMs, sessionTimeoutMs } = cluster.settings
  const waitMs = connectWaitMs + sessionTimeoutMs
  const untilMs = performance.now() + waitMs
  const protocol = randomUUID()
  for (;;) {
    try {
      const place = await cluster.retry(`locking ${group}`, () => join(cluster, group, protocol), connectWaitMs)
      return held(cluster, place)
    } catch (cause) {
      if (!(cause instanceof KafkaFault) || cause.code !== codes.inconsistentGroupProtocol) throw cause
      if (performance.now() > untilMs) {
        const problem = `others ${doing} for more than ${waitMs} ms: try again later`
        throw new ConnectError('unavailable', `kafka: ${problem}`, { cause })
      }
      await cluster.pause(retryMs)
    }
  }
}

interface Place {
  readonly groupId: string
  readonly memberId: string
  readonly generationId: number
}

const join = async (cluster: KafkaCluster, group: string, protocol: string): Promise<Place> => {
  const ask = (memberId: string) =>
    asked(cluster.coordinator(group, true), 'JoinGroup', {
      groupId: group,
      memberId,
      sessionTimeout: cluster.settings.sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      protocolType: 'consumer',
      groupProtocols: [{ name: protocol, metadata: Buffer.of() }],
    })
  let joined = await ask('')
  if (joined.errorCode === codes.memberIdRequired) joined = await ask(joined.memberId)
  checkCode(joined.errorCode, `locking ${group}`)
  const place = { groupId: group, memberId: joined.memberId, generationId: joined.generationId }
  const synced = await asked(cluster.coordinator(group), 'SyncGroup', {
    ...place,
    groupAssignment: [{ memberId: joined.memberId, memberAssignment: Buffer.of() }],
  })
  checkCode(synced.errorCode, `locking ${group}`)
  return place
}

const held = (cluster: KafkaCluster, { groupId, memberId, generationId }: Place): KafkaLock => {
  const { sessionTimeoutMs } = cluster.settings
  const lost = new AbortController()
  const released = new AbortController()
  let heardMs = performance.now()

  const beat = async () => {
    const sentMs = performance.now()
    const answer = await asked(cluster.coordinator(groupId), 'Heartbeat', {
      groupId,
      groupGenerationId: generationId,
      memberId,
    })
    checkCode(answer.errorCode, `the lock ${groupId}`)
    heardMs = sentMs
  }

  const keep = async () => {
    while (!released.signal.aborted && performance.now() - heardMs < sessionTimeoutMs) {
      await cluster.pause(sessionTimeoutMs / beatsPerSession)
      if (released.signal.aborted) return
      // Its answer may come late, or never.
      await Promise.race([beat(), cluster.pause(sessionTimeoutMs / beatsPerSession)]).catch((fault: unknown) => {
        if (fault instanceof KafkaFault && !isPassing(fault)) throw fault
      })
    }
  }
  void keep()
    .catch(() => undefined)
    .finally(() => {
      if (!released.signal.aborted) lost.abort(new ConnectError('unavailable', `kafka: the lock ${groupId} is lost`))
    })

  return {
    signal: lost.signal,
    release: async () => {
      released.abort()
      // A session later it is free also without this.
      await asked(cluster.coordinator(groupId), 'LeaveGroup', { groupId, memberId }).catch(() => undefined)
    },
  }
}
