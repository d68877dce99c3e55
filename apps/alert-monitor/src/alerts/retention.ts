import type { Collection } from '../store/kept-collection.ts'
import type { StoredAlert } from './stored-alert.ts'

export interface RetentionOptions {
  readonly stored: Collection<StoredAlert>
  readonly maxAlerts: number
  /** Whether a group still has to tell of the alert. */
  readonly isHeld: (fingerprint: string) => boolean
}

/** How long alerts are kept: until their end is told everywhere, and no longer than there is room. */
export interface Retention {
  /** Makes room for an alert that is about to be kept; false = every other one is still needed. */
  makeRoom(fingerprint: string): boolean
  /** The alert is kept. */
  arrived(fingerprint: string): void
  /** Removes an alert whose end was told to its topic and to all groups. */
  removeIfDone(fingerprint: string): Promise<unknown>
}

/** Keeps `maxAlerts` at most. The one that ended first makes room, though a group has still to tell of it. */
export const createRetention = ({ stored, maxAlerts, isHeld }: RetentionOptions): Retention => {
  /** Those that are on their way into the store. */
  const arriving = new Set<string>()
  return {
    makeRoom: (fingerprint) => {
      if (stored.get(fingerprint) !== undefined || arriving.has(fingerprint)) return true
      if (stored.size + arriving.size >= maxAlerts) {
        const oldest = [...stored.values()]
          .filter(isDone)
          .toSorted((one, other) => one.alert.endsAtMs - other.alert.endsAtMs)[0]
        if (oldest === undefined) return false
        void stored.update(oldest.alert.fingerprint, () => undefined)
      }
      arriving.add(fingerprint)
      return true
    },
    arrived: (fingerprint) => void arriving.delete(fingerprint),
    removeIfDone: async (fingerprint) => {
      const held = stored.get(fingerprint)
      if (held === undefined || !isDone(held) || isHeld(fingerprint)) return
      await stored.update(fingerprint, (now) => (now !== undefined && isDone(now) ? undefined : now))
    },
  }
}

const isDone = ({ alert, told }: StoredAlert): boolean =>
  alert.notice.status === 'resolved' && told?.status === 'resolved' && told.startsAtMs === alert.startsAtMs
