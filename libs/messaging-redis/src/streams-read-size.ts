import type { DeliveryWindow, WindowSettings } from '@armature/messaging-kit/delivery-window'

/** How much a subscription reads at once, by the room in its window and the size of the messages so far. */
export interface ReadSize {
  /** Notes the size of a body that arrived. */
  saw(bytes: number): void
  /** Messages to read now from each of `streams` streams, at least one. */
  messages(streams: number): number
}

const maxMessagesAtOnce = 500
/** Larger replies only burden the memory. */
const maxBytesAtOnce = 1024 * 1024
const firstGuessBytes = 1_000

/** The read size of a subscription with this window. */
export const readSize = (
  window: Pick<DeliveryWindow, 'inFlight' | 'waiting'>,
  { maxInFlight, maxInFlightBytes }: WindowSettings,
): ReadSize => {
  let averageBytes = firstGuessBytes
  return {
    saw: (bytes) => (averageBytes += (bytes - averageBytes) / 16),
    messages: (streams) => {
      const room = 2 * maxInFlight - window.inFlight - window.waiting
      const fit = Math.min(maxBytesAtOnce, 2 * maxInFlightBytes) / averageBytes
      return Math.max(1, Math.floor(Math.min(maxMessagesAtOnce, room, fit) / streams))
    },
  }
}
