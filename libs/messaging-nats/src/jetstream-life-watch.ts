import type { Connection } from './connection.ts'
import type { Answers } from './jetstream-answers.ts'
import type { Unsettled } from './jetstream-unsettled.ts'

export interface LifeWatchParts {
  readonly connection: Connection
  readonly answers: Answers
  readonly unsettled: Unsettled
  readonly ackWaitMs: number
  /** Asks in which life the stream is, and acts on it. Rejects where the server does not say. */
  readonly verify: () => Promise<void>
}

/**
 * Keeps the messages of a durable consumer alive at its server by signs of work. After a reconnection all answers wait until the life of
 * the stream is known.
 */
export interface LifeWatch {
  /** Answers wait. Asks for the life of the stream now, and with each sign of work until it is known. */
  lifeIsDoubtful(): void
  lifeIsKnown(): void
  end(): void
}

/** Begins with a life that is known. */
export const watchLife = ({ connection, answers, unsettled, ackWaitMs, verify }: LifeWatchParts): LifeWatch => {
  let verifying: Promise<void> | undefined

  const lifeIsDoubtful = () => {
    answers.hold()
    verifying ??= verify()
      .then(lifeIsKnown)
      .catch(() => undefined)
      .finally(() => (verifying = undefined))
  }

  const lifeIsKnown = () => {
    answers.resume()
    unsettled.keepAlive()
  }

  const giveSigns = () => {
    if (answers.areHeld && connection.connected) lifeIsDoubtful()
    unsettled.keepAlive()
  }

  const timer = setInterval(giveSigns, Math.max(20, ackWaitMs / 6)).unref()
  const forgetReconnect = connection.onReconnect(() => {
    unsettled.signsAreDue()
    lifeIsDoubtful()
  })

  return {
    lifeIsDoubtful,
    lifeIsKnown,
    end: () => {
      clearInterval(timer)
      forgetReconnect()
    },
  }
}
