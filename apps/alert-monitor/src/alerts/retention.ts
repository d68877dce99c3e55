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
  /** The alert is kept, and so is its change. */
  arrived(fingerprint: string): void
  /** Removes an alert whose end was told to its topic and to all groups. */
  removeIfDone(fingerprint: string): Promise<unknown>
}

/** Keeps `maxAlerts` at most. The one that ended first makes room, though a group has still to tell of it. */
export const createRetention = ({ stored, maxAlerts, isHeld }: RetentionOptions): Retention => {
  /** Those that are on their way into the store, or to a change in it. */
  const arriving = new Set<string>()
  /** Those that make room. */
  const leaving = new Set<string>()
  const isStored = (fingerprint: string) => stored.get(fingerprint) !== undefined
  const isNew = (fingerprint: string) => !isStored(fingerprint) || leaving.has(fingerprint)
  const taken = () => stored.size - [...leaving].filter(isStored).length + [...arriving].filter(isNew).length

  const remove = (fingerprint: string) =>
    stored.update(fingerprint, (now) => (now !== undefined && isDone(now) ? undefined : now))

  const evictOne = (): boolean => {
    const [oldest] = [...stored.values()]
      .filter((held) => isDone(held) && !leaving.has(held.alert.fingerprint) && !arriving.has(held.alert.fingerprint))
      .toSorted((one, other) => one.alert.endsAtMs - other.alert.endsAtMs)
    if (oldest === undefined) return false
    const { fingerprint } = oldest.alert
    leaving.add(fingerprint)
    void remove(fingerprint).finally(() => leaving.delete(fingerprint))
    return true
  }

  return {
    makeRoom: (fingerprint) => {
      if (arriving.has(fingerprint)) return true
      if (isNew(fingerprint) && taken() >= maxAlerts && !evictOne()) return false
      arriving.add(fingerprint)
      return true
    },
    arrived: (fingerprint) => void arriving.delete(fingerprint),
    removeIfDone: async (fingerprint) => {
      const held = stored.get(fingerprint)
      if (held !== undefined && isDone(held) && !isHeld(fingerprint)) await remove(fingerprint)
    },
  }
}

const isDone = ({ alert, told }: StoredAlert): boolean =>
  alert.notice.status === 'resolved' && told?.status === 'resolved' && told.startsAtMs === alert.startsAtMs
