import type { Msg } from '@nats-io/nats-core'
import { statusOf } from './codec.ts'
import type { Room } from './jetstream-pull-budget.ts'

/** The server's answer to a pull request when it sends no message of the stream. */
export type PullStatus =
  /** The server is there and has no message. */
  | { readonly kind: 'heartbeat' }
  /** The request ended. `unserved` is what it asked for and did not get. */
  | { readonly kind: 'ended'; readonly unserved: Room }
  /** Like `ended`: another member is the pinned one. */
  | { readonly kind: 'unpinned'; readonly unserved: Room }
  /** All requests ended. New ones may succeed after a while. */
  | { readonly kind: 'failed' }
  /** The consumer is not there any more. */
  | { readonly kind: 'gone' }

/** Codes of statuses: https://github.com/nats-io/nats-server/blob/main/server/consumer.go */
const heartbeat = 100
const noMessages = 404
const timedOut = 408
const ended = 409
const wrongPin = 423
const noResponders = 503

/** Reads a message to the inbox of the requests; undefined where it is no status. */
export const readPullStatus = (msg: Msg): PullStatus | undefined => {
  const code = statusOf(msg)
  const { headers } = code > 0 ? msg : {}
  if (headers === undefined) return undefined
  if (code === heartbeat) return { kind: 'heartbeat' }
  const number = (name: string) => Number(headers.get(name))
  const unserved = { messages: number('Nats-Pending-Messages'), bytes: number('Nats-Pending-Bytes') }
  const text = headers.description
  if (code === noResponders || (code === ended && /Consumer Deleted|Consumer is push based/i.test(text))) {
    return { kind: 'gone' }
  }
  if (code === wrongPin) return { kind: 'unpinned', unserved }
  if (code === noMessages) return { kind: 'failed' }
  if (code === timedOut || /Batch Completed|Exceeds MaxBytes/i.test(text)) return { kind: 'ended', unserved }
  return { kind: 'failed' }
}
