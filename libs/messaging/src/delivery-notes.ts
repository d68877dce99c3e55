import { isLeased, leased, type Lease } from './lease.ts'
import type { Delivery } from './ports.ts'

/** How a delivery whose handler resolved is booked, where that is not as acknowledged. */
export type Settlement = 'dead-lettered' | { readonly dropped: string }

/** Notes on a delivery that the middleware around one handler leave for each other. */
export interface DeliveryNotes {
  settlement: Settlement | undefined
  /** There is dead-letter middleware around the handler that sees the notes. */
  hasDeadLetters: boolean
  /** Calls of the handler that failed. */
  failures: number
  firstFailureMs: number | undefined
  lastFailureMs: number | undefined
}

const notesKey = Symbol('notes of the delivery')

interface Noted extends Delivery {
  [notesKey]?: DeliveryNotes
}

const notesOf = (delivery: Noted): DeliveryNotes | undefined => delivery[notesKey]

/**
 * The delivery with notes on it, for the next handler, and the notes: those it has, else new ones. A spread copy keeps them. A delivery with a
 * lease is made for one call of a handler and gets them itself; any other is copied, since somebody may give it to several.
 */
export const withNotes = (delivery: Delivery): { readonly noted: Delivery; readonly notes: DeliveryNotes } => {
  const known = notesOf(delivery)
  if (known !== undefined) return { noted: delivery, notes: known }
  const notes: DeliveryNotes = {
    settlement: undefined,
    hasDeadLetters: false,
    failures: 0,
    firstFailureMs: undefined,
    lastFailureMs: undefined,
  }
  const noted: Noted = isLeased(delivery) ? delivery : { ...delivery }
  noted[notesKey] = notes
  return { noted, notes }
}

/** The delivery with the same notes and a lease of its own. */
export const withLease = (delivery: Delivery, lease: Lease): Delivery => {
  const own: Noted = leased(delivery, delivery, lease)
  const notes = notesOf(delivery)
  if (notes !== undefined) own[notesKey] = notes
  return own
}

/** Counts a call of the handler that failed. */
export const noteFailure = (notes: DeliveryNotes, atMs: number): void => {
  notes.failures++
  notes.firstFailureMs ??= atMs
  notes.lastFailureMs = atMs
}

/**
 * Says that the delivery is given up on purpose, by a rule, for `reason` (a short label): when its handler resolves, `measure`
 * books it as dropped, not as acknowledged. Does nothing without `measure` around the handler.
 */
export const bookAsDropped = (delivery: Delivery, reason: string): void => {
  const notes = notesOf(delivery)
  if (notes !== undefined) notes.settlement = { dropped: reason }
}
