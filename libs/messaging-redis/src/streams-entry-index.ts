import type { Arrival } from '@armature/messaging-kit/delivery-window'

/** An entry that is pending for this consumer. */
export interface PendingEntry extends Arrival {
  readonly topic: string
  readonly id: string
  /** When it was delivered or claimed last, by performance.now(). */
  renewedAtMs: number
}

/** Pending entries by topic and id. */
export interface EntryIndex {
  add(entry: PendingEntry): void
  get(topic: string, id: string): PendingEntry | undefined
  remove(topic: string, id: string): void
  idsOf(topic: string): readonly string[]
  /** Entries that were not renewed for so long, by topic, `max` ids at a time. */
  notRenewedFor(ms: number, max: number): { readonly topic: string; readonly ids: readonly string[] }[]
  renew(topic: string, ids: readonly string[]): void
}

/** An index without entries. */
export const entryIndex = (): EntryIndex => {
  const byTopic = new Map<string, Map<string, PendingEntry>>()
  return {
    add: (entry) => {
      const { topic, id } = entry
      const ofTopic = byTopic.get(topic)
      if (ofTopic === undefined) byTopic.set(topic, new Map([[id, entry]]))
      else ofTopic.set(id, entry)
    },
    get: (topic, id) => byTopic.get(topic)?.get(id),
    remove: (topic, id) => void byTopic.get(topic)?.delete(id),
    idsOf: (topic) => [...(byTopic.get(topic)?.keys() ?? [])],
    notRenewedFor: (ms, max) => {
      const beforeMs = performance.now() - ms
      return [...byTopic].flatMap(([topic, ofTopic]) => {
        const ids = [...ofTopic.values()].filter(({ renewedAtMs }) => renewedAtMs < beforeMs).map(({ id }) => id)
        return Array.from({ length: Math.ceil(ids.length / max) }, (_, at) => ({
          topic,
          ids: ids.slice(at * max, (at + 1) * max),
        }))
      })
    },
    renew: (topic, ids) => {
      const nowMs = performance.now()
      for (const id of ids) {
        const entry = byTopic.get(topic)?.get(id)
        if (entry !== undefined) entry.renewedAtMs = nowMs
      }
    },
  }
}
