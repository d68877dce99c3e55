import { message, type MessageOptions } from '@armature/messaging/message'
import type { Delivery } from '@armature/messaging/ports'

/** A first delivery of a new message on `logs.test`, as a driver would make it. */
export const delivery = (body: string | Uint8Array, options: MessageOptions = {}): Delivery => ({
  ...message('logs.test', body, options),
  attempt: 1,
  signal: new AbortController().signal,
})
