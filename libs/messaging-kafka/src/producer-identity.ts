import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode } from './faults.ts'
import type { ProducerSession } from './send-queue.ts'

/** Under which identity new batches are sent. */
export interface ProducerIdentity {
  /** The session that goes on; undefined where there is none yet. */
  readonly current: ProducerSession | undefined
  /** The session that goes on; the broker is asked for one where there is none. Rejects where it gives none. */
  session(): Promise<ProducerSession>
  /** The broker may not know a sequence that was given up, and would refuse what follows it: what comes gets a new identity. */
  end(): void
  /** Ends this session; another one goes on. */
  endOf(session: ProducerSession | undefined): void
}

const transactionTimeoutMs = 60_000

/** No session until one is asked for. */
export const producerIdentity = (cluster: KafkaCluster): ProducerIdentity => {
  let beginning: Promise<ProducerSession> | undefined
  /** The session that `beginning` resolved with. */
  let begun: ProducerSession | undefined

  const end = () => {
    beginning = undefined
    begun = undefined
  }

  const begin = (): Promise<ProducerSession> => {
    const own = newSession(cluster)
    own.then(
      (session) => {
        if (beginning === own) begun = session
      },
      () => {
        if (beginning === own) end()
      },
    )
    return own
  }

  return {
    get current() {
      return begun
    },
    session: () => (beginning ??= begin()),
    end,
    endOf: (session) => {
      if (begun === session) end()
    },
  }
}

const newSession = async (cluster: KafkaCluster): Promise<ProducerSession> => {
  const answer = await asked(cluster.any(), 'InitProducerId', { transactionTimeout: transactionTimeoutMs })
  checkCode(answer.errorCode, 'the identity of the producer')
  return { producerId: answer.producerId, producerEpoch: answer.producerEpoch, nextSequence: new Map() }
}
