import { KeyValueConflict, type KeyValue, type KeyValueEntry } from '@armature/messaging/key-value'

type OnChange = Parameters<KeyValue['watch']>[0]

/** A bucket in memory that several processes of a test share. */
export const memoryBucket = () => {
  const entries = new Map<string, KeyValueEntry>()
  const listeners = new Set<OnChange>()
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
      for (const listener of listeners) listener(key, entry, written)
    })
    return revision
  }

  return {
    state,
    keys: (prefix: string): readonly string[] => [...entries.keys()].filter((key) => key.startsWith(prefix)),
    get: (key: string): unknown => JSON.parse(entries.get(key)?.value ?? 'null'),
    set: (key: string, value: string) => void write(key, entries.get(key)?.revision ?? 0, value),
    /** One process's way to it. */
    connect: (): KeyValue => {
      let own: OnChange | undefined
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
        watch: async (onChange) => {
          await reach()
          for (const [key, entry] of entries) onChange(key, entry, entry.revision)
          own = onChange
          listeners.add(onChange)
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
