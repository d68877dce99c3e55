import type { Connection } from './connection.ts'

/** The answers of a client to a delivery: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md. */
export const acknowledged = '+ACK'
export const inProgress = '+WPI'
const redeliver = '-NAK'

/** The server is to deliver the message again after the delay. */
export const redeliverAfter = (delayMs: number): string =>
  delayMs === 0 ? redeliver : `${redeliver} {"delay":${delayMs * 1_000_000}}`

/** The answers to the deliveries of one consumer. */
export interface Answers {
  /** Whether answers are sent at once: there is a connection, and nothing says that they must wait. */
  readonly areSent: boolean
  readonly areHeld: boolean
  /** Sends an answer, or keeps it until the server can take it. */
  send(reply: string, answer: string): void
  /** Answers wait from now on. */
  hold(): void
  /** Sends what waits. */
  resume(): void
  /** Forgets what waits. */
  discard(): void
}

/** Answers that need not wait. */
export const consumerAnswers = (connection: Connection): Answers => {
  let state: 'sending' | 'holding' = 'sending'
  let waiting: { readonly reply: string; readonly answer: string }[] = []
  const areSent = () => state === 'sending' && connection.connected

  const send = (reply: string, answer: string) => {
    if (areSent()) connection.nc.publish(reply, answer)
    else if (!connection.nc.isClosed()) waiting.push({ reply, answer })
  }

  return {
    get areSent() {
      return areSent()
    },
    get areHeld() {
      return state === 'holding'
    },
    send,
    hold: () => {
      state = 'holding'
    },
    resume: () => {
      state = 'sending'
      for (const { reply, answer } of waiting.splice(0)) send(reply, answer)
    },
    discard: () => {
      waiting = []
    },
  }
}
