import { PublishError } from '@armature/messaging/errors'
import { codes } from './apis.ts'
import { faultText, KafkaFault } from './faults.ts'
import type { Batch } from './send-queue.ts'

/** The meaning of the broker's answer for a batch. */
export type SendOutcome =
  | { readonly name: 'held' }
  /** The broker has lost what it knew of our sequences, or there is a gap in them: the batch goes again with a new identity. */
  | { readonly name: 'out-of-sequence'; readonly fault: KafkaFault }
  /** The same may be taken later. */
  | { readonly name: 'passing'; readonly fault: KafkaFault }
  /** One record, or all together, are what is refused: fewer may be taken. */
  | { readonly name: 'divisible'; readonly fault: KafkaFault }
  | { readonly name: 'refused'; readonly fault: KafkaFault; readonly error: PublishError }

const sessionCodes: ReadonlySet<number> = new Set([
  codes.outOfOrderSequence,
  codes.invalidProducerEpoch,
  codes.unknownProducer,
])
const sizeCodes: ReadonlySet<number> = new Set([codes.messageTooLarge, codes.recordListTooLarge])
const batchCodes: ReadonlySet<number> = new Set([...sizeCodes, codes.invalidRecord])

const held: SendOutcome = { name: 'held' }

/** The meaning of a broker's error code for the batch that it answers. */
export const sendOutcome = ({ lane, records }: Batch, code: number): SendOutcome => {
  // A sequence that it has already is that of a batch whose answer was lost.
  if (code === codes.none || code === codes.duplicateSequence) return held
  const fault = new KafkaFault(code, `publishing to ${lane.topic}`)
  if (sessionCodes.has(code)) return { name: 'out-of-sequence', fault }
  if (fault.passing && !sizeCodes.has(code)) return { name: 'passing', fault }
  if (batchCodes.has(code) && records.length > 1) return { name: 'divisible', fault }
  return { name: 'refused', fault, error: refusal(lane.topic, fault) }
}

const refusal = (topic: string, cause: KafkaFault): PublishError =>
  sizeCodes.has(cause.code)
    ? new PublishError(`${faultText(cause)}: raise max.message.bytes of the topic`, {
        topic,
        fault: 'too-large',
        cause,
      })
    : new PublishError(faultText(cause), { topic, fault: 'unavailable', cause })
