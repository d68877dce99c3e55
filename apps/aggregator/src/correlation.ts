import type { Message } from '@armature/messaging/message'
import { fieldOf, textOfField } from './field.ts'

/** The key that the messages of one group share; undefined where a message has none. */
export type Correlate = (message: Message) => string | undefined

/** Correlates by a field of the message, as `fieldOf` reads it. Throws FieldError for a text that names none. */
export const correlateBy = (text: string): Correlate => {
  const field = fieldOf(text)
  return (message) => textOfField(field(message))
}
