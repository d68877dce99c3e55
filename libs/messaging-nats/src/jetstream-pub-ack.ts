import type { Msg } from '@nats-io/nats-core'
import type { PublishFault } from '@armature/messaging/errors'
import { statusOf } from './codec.ts'
import { isTransient, publishFaultOf, type ApiError } from './jetstream-faults.ts'

/** The server's answer to one published message. */
export type PubAck =
  | { readonly kind: 'stored'; readonly sequence: number }
  /** The stream has recognised the message by its id. The sequence is that of the first copy. */
  | { readonly kind: 'duplicate'; readonly sequence: number }
  /** Not stored now. It may be when it is sent again. */
  | { readonly kind: 'try-again' }
  | { readonly kind: 'refused'; readonly fault: PublishFault; readonly problem: string }

/** The JSON of https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-1.md. */
interface Answer {
  readonly stream?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: ApiError
}

const noResponders = 503

/** Reads an acknowledgement of a publish; undefined where the message is none. */
export const readPubAck = (msg: Msg): PubAck | undefined => {
  if (statusOf(msg) === noResponders) return { kind: 'try-again' }
  const answer = answerIn(msg)
  if (answer === undefined) return undefined
  const { stream, seq: sequence = 0, duplicate = false, error } = answer
  if (error !== undefined) {
    if (isTransient(error)) return { kind: 'try-again' }
    const problem = `the server says: ${error.description} (${error.err_code})`
    return { kind: 'refused', fault: publishFaultOf(error), problem }
  }
  if (stream === undefined) return undefined
  return { kind: duplicate ? 'duplicate' : 'stored', sequence }
}

const answerIn = (msg: Msg): Answer | undefined => {
  try {
    return msg.json<Answer | null>() ?? undefined
  } catch {
    return undefined
  }
}
