/** How many messages, and of how many bytes. */
export interface Room {
  readonly messages: number
  readonly bytes: number
}

/** The messages that were requested of a consumer and have not come. */
export interface PullBudget {
  readonly requested: number
  /**
   * Books the next request, as large as is worth its cost; undefined where none is. A consumer serves one request at a time: the budget
   * splits the room in two, so that the next request is there before this one is served.
   * @param room what there is room for, beyond the messages that are requested; the bytes are of all.
   * @param leastBytes of one request, so that the largest message fits.
   */
  next(room: Room, leastBytes: number): Room | undefined
  /** A message of so many bytes came. */
  received(bytes: number): void
  /** A request ended without so much of what it asked for. */
  unserved(rest: Room): void
  /** Nothing that was requested comes any more. */
  writeOff(): void
}

/** Nothing is requested yet. */
export const pullBudget = (): PullBudget => {
  let requested = 0
  let requestedBytes = 0

  const subtract = ({ messages, bytes }: Room) => {
    requested = Math.max(0, requested - messages)
    requestedBytes = requested === 0 ? 0 : Math.max(0, requestedBytes - bytes)
  }

  return {
    get requested() {
      return requested
    },
    next: (room, leastBytes) => {
      const freeBytes = room.bytes - requestedBytes
      if (room.messages <= 0 || room.bytes <= 0 || (freeBytes <= 0 && requested > 0)) return undefined
      const total = requested + room.messages
      // A few messages are worth no request while many are on their way.
      if (requested > 0 && room.messages < total / 4) return undefined
      const messages = Math.min(room.messages, Math.ceil(total / 2))
      const bytes = Math.max(Math.min(freeBytes, Math.ceil(room.bytes / 2)), leastBytes)
      requested += messages
      requestedBytes += bytes
      return { messages, bytes }
    },
    received: (bytes) => subtract({ messages: 1, bytes }),
    unserved: subtract,
    writeOff: () => {
      requested = 0
      requestedBytes = 0
    },
  }
}
