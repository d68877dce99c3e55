import { systemClock, type Clock } from '@armature/async/clock'
import { besideEnvelope, writeEnvelope, type DeadLetterFacts } from './dead-letter-envelope.ts'
import { letterForms } from './dead-letter-forms.ts'
import { deadLetterTopic } from './dead-letter-topics.ts'
import { PublishError, type PublishFault } from './errors.ts'
import { bareMessage, type Message } from './message.ts'
import type { Publisher } from './ports.ts'
import { withTimeout } from './timeout.ts'

export interface DeadLetter {
  readonly publisher: Pick<Publisher, 'publish'>
  /** The message that failed. Its topic is the one that it failed in. */
  readonly message: Message
  /** Why and where it failed, for the envelope. */
  readonly facts: DeadLetterFacts
  /** It holds what came as it came, since nothing could decode it. Default false. */
  readonly isUndecodable?: boolean
  /** Default 30,000. */
  readonly timeoutMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/**
 * Publishes the dead letter of a message to `<topic>.DLT`: the message with headers that say why it failed. A letter that the broker refuses
 * is tried in its smaller forms (`letterForms`). Resolves when the broker holds it. Rejects with PublishError, and with TimeoutError
 * after `timeoutMs`.
 */
export const publishDeadLetter = async (letter: DeadLetter): Promise<void> => {
  const { publisher, message, facts, isUndecodable = false, timeoutMs: limitMs = 30_000 } = letter
  const { clock = systemClock() } = letter
  const topic = deadLetterTopic(message.topic)
  const headers = besideEnvelope(message.headers)
  const forms = letterForms({ ...bareMessage(message), headers, topic }, writeEnvelope(facts), isUndecodable)
  const publish = (form: Message) =>
    withTimeout({ limitMs, clock, what: `the publish to ${topic}` }, () => publisher.publish(topic, [form]))
  let fault: PublishFault | undefined
  for (let form = forms.next(); ; form = forms.next(fault)) {
    try {
      await publish(form.value)
      return
    } catch (error) {
      if (!(error instanceof PublishError) || form.done === true) throw error
      if (error.fault !== 'too-large' && error.fault !== 'bad-message') throw error
      fault = error.fault
    }
  }
}
