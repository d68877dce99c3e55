import type { Cancel, Clock } from '@armature/async/clock'
import { elementAt } from '@armature/async/element-at'
import type { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { MemoryLimits } from './settings.ts'

/** The publishes of one topic that wait for room, in their order. */
export interface PublishQueue {
  readonly isEmpty: boolean
  /**
   * Waits until the messages from `next` on are appended. Rejects with PublishError, `full`: after `publishWaitMs`, or at once where more would wait
   * than one partition keeps.
   */
  wait(messages: readonly Message[], next: number): Promise<void>
  /** There may be more room than before. */
  retry(): void
}

export interface PublishQueueParts {
  readonly limits: Pick<MemoryLimits, 'publishWaitMs' | 'maxPartitionMessages' | 'maxPartitionBytes'>
  readonly clock: Clock
  /** Appends from `next` on. Answers the index of the first message that found no room. */
  readonly append: (messages: readonly Message[], next: number) => number
  /** The error for the messages from `next` on, which found no room. */
  readonly full: (messages: readonly Message[], next: number, problem: string) => PublishError
}

interface WaitingPublish {
  readonly messages: readonly Message[]
  /** Messages that were not appended when it began to wait, and the bytes of their bodies. */
  readonly count: number
  readonly bytes: number
  /** The first message that is not appended. */
  next: number
  resolve(): void
  cancel: Cancel
}

/** An empty queue. */
export const publishQueue = ({ limits, clock, append, full }: PublishQueueParts): PublishQueue => {
  const { publishWaitMs, maxPartitionMessages, maxPartitionBytes } = limits
  const waiting: WaitingPublish[] = []
  let waitingMessages = 0
  let waitingBytes = 0

  const remove = (entry: WaitingPublish) => {
    waiting.splice(waiting.indexOf(entry), 1)
    waitingMessages -= entry.count
    waitingBytes -= entry.bytes
  }

  const retry = () => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      first.next = append(first.messages, first.next)
      if (first.next < first.messages.length) return
      remove(first)
      first.cancel()
      first.resolve()
    }
  }

  return {
    get isEmpty() {
      return waiting.length === 0
    },
    wait: async (messages, next) => {
      if (publishWaitMs === 0) throw full(messages, next, '')
      const count = messages.length - next
      let bytes = 0
      for (let index = next; index < messages.length; index++) bytes += elementAt(messages, index).body.byteLength
      const tooMany = waitingMessages + count > maxPartitionMessages || waitingBytes + bytes > maxPartitionBytes
      if (tooMany && waiting.length > 0) {
        throw full(messages, next, ` behind the ${waitingMessages} that wait already`)
      }
      const appended = Promise.withResolvers<void>()
      const { resolve } = appended
      const entry: WaitingPublish = { messages, count, bytes, next, resolve, cancel: () => undefined }
      entry.cancel = clock.after(publishWaitMs, () => {
        remove(entry)
        appended.reject(full(messages, entry.next, ` within ${publishWaitMs} ms`))
        retry()
      })
      waiting.push(entry)
      waitingMessages += count
      waitingBytes += bytes
      return appended.promise
    },
    retry,
  }
}
