import { identityOf } from '@armature/messaging/identity'
import type { Message } from '@armature/messaging/message'

/**
 * The place of a message among the groups before it. `late`: the group of its key is complete. `repeat`: that group has the message and was
 * written. `early`: that group has the message and is being written, so that nobody knows yet.
 */
export type Lateness = 'late' | 'repeat' | 'early' | undefined

/** The groups that were begun, as far as they are remembered. */
export interface BegunGroups {
  /** For a message whose key has no open group. */
  latenessOf(correlationKey: string, message: Message): Lateness
  /** The open group of the key, or a new one, has the message. */
  took(correlationKey: string, message: Message): void
  /** The messages, a group of the key, are in the sink. */
  wrote(correlationKey: string, messages: readonly Message[]): void
  /** Some of the messages, a group of the key, come again: that group is as if it had not begun. */
  gaveBack(correlationKey: string, messages: readonly Message[]): void
}

interface BegunGroup {
  readonly identities: Set<string>
  isWritten: boolean
}

/** A message that names no source has one that no other has. */
const unknownSource = ''

/**
 * Remembers the keys of groups with their messages, up to `maxMessages` messages in all: the group that was begun first is forgotten
 * first. Nothing is remembered over a restart.
 */
export const begunGroups = (maxMessages: number): BegunGroups => {
  /** In the order of their beginning. */
  const groups = new Map<string, BegunGroup>()
  let remembered = 0

  const forget = (key: string) => {
    remembered -= groups.get(key)?.identities.size ?? 0
    groups.delete(key)
  }

  const begin = (key: string): BegunGroup => {
    const group = { identities: new Set<string>(), isWritten: false }
    groups.set(key, group)
    return group
  }

  /** The group of these messages. Undefined where it was forgotten, also if the key has a later group. */
  const groupOf = (key: string, messages: readonly Message[]): BegunGroup | undefined => {
    const group = groups.get(key)
    return messages.some((message) => group?.identities.has(identityOf(message, unknownSource))) ? group : undefined
  }

  return {
    latenessOf: (key, message) => {
      const group = groups.get(key)
      if (group === undefined) return undefined
      if (!group.identities.has(identityOf(message, unknownSource))) return 'late'
      return group.isWritten ? 'repeat' : 'early'
    },
    took: (key, message) => {
      const { identities } = groups.get(key) ?? begin(key)
      const before = identities.size
      identities.add(identityOf(message, unknownSource))
      remembered += identities.size - before
      for (const oldest of groups.keys()) {
        if (remembered <= maxMessages) break
        forget(oldest)
      }
    },
    wrote: (key, messages) => {
      const group = groupOf(key, messages)
      if (group !== undefined) group.isWritten = true
    },
    gaveBack: (key, messages) => {
      if (groupOf(key, messages) !== undefined) forget(key)
    },
  }
}
