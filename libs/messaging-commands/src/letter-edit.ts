import type { Clock } from '@armature/async/clock'
import { editedHeader } from '@armature/messaging/dead-letter-envelope'
import { bodyJson, type Message } from '@armature/messaging/message'
import { usageError } from './broker-command.ts'
import type { Letter } from './letter.ts'
import { redriven } from './redrive.ts'

/** The changes that a person made to a letter. */
export interface Edits {
  readonly body?: Uint8Array | undefined
  /** An empty value takes the header off. */
  readonly headers: ReadonlyMap<string, string>
}

/** The letter as it is published again, with edits and the header `dlt-edited-time`. */
export const edited = (letter: Letter, topic: string, { body, headers }: Edits, clock: Clock): Message => {
  const message = redriven(letter, topic)
  const changed = {
    ...message.headers,
    ...Object.fromEntries(headers),
    [editedHeader]: new Date(clock.now()).toISOString(),
  }
  return {
    ...message,
    headers: Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== '')),
    body: body ?? message.body,
  }
}

/** Throws ServiceError (64) where the body is no JSON though the header `content-type` says so. */
export const checkJson = (message: Message): void => {
  const type = message.headers['content-type'] ?? ''
  if (!/^[\w.+-]+\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) return
  try {
    bodyJson(message)
  } catch {
    throw usageError(
      `the body is no JSON in UTF-8, and its content-type is ${type}`,
      'Correct the body, or give another content-type by --header content-type=TYPE',
    )
  }
}
