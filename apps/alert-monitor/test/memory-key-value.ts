import { KeyValueConflict, type KeyValue, type KeyValueEntry } from '@armature/messaging/key-value'

type Listener = Parameters<KeyValue['watch']>

/** A bucket in memory that several processes of a test share. */
export const memoryBucket = () => {
  const entries = new Map<string, KeyValueEntry>()
  const listeners = new Set<Listener>()
  const state = { isDown: false, calls: 0 }
  let revision = 0

  const reach = async (): Promise<void> => {
    state.calls += 1
    await Promise.resolve()
    if (state.isDown) throw new Error('the bucket is away')
  }
  const write = (key: string, expected: number, value: string | undefined): number => {
    if ((entries.get(key)?.revision ?? 0) !== expected) throw new KeyValueConflict(key)
    revision += 1
    if (value === undefined) entries.delete(key)
    else entries.set(key, { value, revision })
    const [entry, written] = [entries.get(key), revision]
    queueMicrotask(() => {
      for (const [onChange] of listeners) onChange(key, entry, written)
    })
    return revision
  }

  return {
    state,
    keys: (prefix: string): readonly string[] => [...entries.keys()].filter((key) => key.startsWith(prefix)),
    get: (key: string): unknown => JSON.parse(entries.get(key)?.value ?? 'null'),
    set: (key: string, value: string) => void write(key, entries.get(key)?.revision ?? 0, value),
    /** Somebody deletes the bucket, and it is made anew. */
    deleteAll: () => {
      entries.clear()
      revision = 0
      for (const [, onLost] of listeners) onLost?.()
    },
    /** One process's way to it. */
    connect: (): KeyValue => {
      let own: Listener | undefined
      return {
        get: async (key) => {
          await reach()
          return entries.get(key)
        },
        put: async (key, value, expected) => {
          await reach()
          return write(key, expected, value)
        },
        remove: async (key, expected) => {
          await reach()
          write(key, expected, undefined)
        },
        watch: async (...listener) => {
          await reach()
          for (const [key, entry] of entries) listener[0](key, entry, entry.revision)
          own = listener
          listeners.add(listener)
        },
        close: () => {
          if (own !== undefined) listeners.delete(own)
          return Promise.resolve()
        },
      }
    },
  }
}

export type MemoryBucket = ReturnType<typeof memoryBucket>
