import type { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Position } from '@armature/messaging/position'

/** A message as it came from the broker, and how it is settled there. */
export interface Arrival {
  readonly message: Message
  /** 1 for the first delivery. */
  readonly attempt: number
  readonly position?: Position | undefined
  /** Why it could not be decoded; the message then holds what came as it came. */
  readonly undecodable?: UnrecoverableError | undefined
  /** The handler resolved. Called at most once; must not throw. */
  ack(): void
  /**
   * The handler rejected: the broker is to bring the message again after the delay. Called at most once; must not throw. Without it the
   * window calls the handler again by itself.
   */
  reject?(): void
}
