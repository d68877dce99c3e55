import type { StartPosition } from '@armature/messaging/ports'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { pinGroup, type Consumers } from './jetstream-consumers.ts'
import { durableReader, type DurableParts } from './jetstream-durable-reader.ts'
import type { StreamLives } from './jetstream-lives.ts'
import { orderedReader } from './jetstream-ordered-reader.ts'
import { streamPosition } from './jetstream-position.ts'
import type { LastSeen, Reader, ReaderParts } from './jetstream-reader.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'

/** The place of a reader in a stream when it was said to be gone. */
export interface PlaceLeft {
  readonly created: string
  readonly last: LastSeen
}

export interface OpenReaderParts extends Omit<ReaderParts, 'consumerFrom' | 'onGone'>, Pick<DurableParts, 'takeBack'> {
  readonly consumers: Consumers
  readonly lives: StreamLives
  readonly settings: JetstreamSettings
  readonly request: SubscribeRequest
  readonly from: StartPosition
  /** A stream that was only said to be gone is read on from there. */
  readonly left: PlaceLeft | undefined
  readonly warn: (problem: string) => void
  readonly onGone: (left: PlaceLeft | undefined) => void
}

/** The reader of a subscription in one stream. */
export interface StreamReader extends Reader {
  /** Another member of the group may be pinned at once. The second call does nothing. */
  unpin(): Promise<void>
}

/** Reads a stream for a subscription: by the consumer of its group, or by one of its own. Rejects with the server's error. */
export const openReader = async (parts: OpenReaderParts): Promise<StreamReader> => {
  const { consumers, lives, stream, from, left, warn } = parts
  const { topic, group } = parts.request
  const { created, lastSequence } = await lives.lifeOf(stream)
  const begin: StartPosition = from === 'latest' && group === undefined ? { offset: lastSequence + 1 } : from
  const goesOn = left !== undefined && (await lives.isSameLife(stream, left.created, left.last))
  const position = streamPosition({
    lives,
    consumers,
    stream,
    created,
    first: goesOn ? { offset: left.last.sequence + 1 } : begin,
    onNewLife: () => warn(`the stream ${stream} was made anew or went back: ${topic} is read from its beginning`),
  })
  const onGone: ReaderParts['onGone'] = (last) => parts.onGone(last && { created: position.created, last })

  if (group === undefined) {
    const reader = await orderedReader({
      ...parts,
      onGone,
      consumerFrom: (resume) => position.consumerFrom(resume, (start) => consumers.ordered(stream, topic, start)),
      removeConsumer: (name) => consumers.remove(stream, name),
    })
    return { ...reader, unpin: async () => undefined }
  }

  const { serial, redeliveryDelayMs } = parts.request.settings
  const { ackWaitMs, maxHandlingMs } = parts.settings
  /** The consumer, where its members are pinned. */
  let pinned: string | undefined
  const make = async (start: StartPosition) => {
    const { name, isPinned } = await consumers.durable(stream, { group, topic, serial }, start)
    pinned = isPinned ? name : undefined
    return name
  }
  const reader = await durableReader({
    ...parts,
    ...{ ackWaitMs, maxHandlingMs, redeliveryDelayMs },
    onGone,
    consumerFrom: (resume) => position.consumerFrom(resume, make),
    isSameLife: position.isSameLife,
    pinGroup: () => (pinned === undefined ? undefined : pinGroup),
    inHand: (name) => consumers.inHand(stream, name),
    forgetRequests: (name) => consumers.forgetRequests(stream, name),
  })
  const unpin = async () => {
    const name = pinned
    pinned = undefined
    if (name !== undefined) await consumers.unpin(stream, name)
  }
  return { ...reader, unpin }
}
