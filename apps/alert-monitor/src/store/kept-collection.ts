import { KeyValueConflict, type KeyValue, type KeyValueEntry } from '@armature/messaging/key-value'
import type * as z from 'zod'
import { createTurns } from './turns.ts'

export interface CollectionOptions<Value> {
  /** Before the ids of this collection in the bucket, with a dot between. */
  readonly prefix: string
  /** What does not fit is left out and warned of. */
  readonly schema: z.ZodType<Value>
  /** Which of two values counts, where this process wrote one while the bucket could not be reached. */
  readonly merge: (own: Value, stored: Value) => Value
  /** Called after each change, whoever made it; undefined = removed. */
  readonly onChange?: (id: string, value: Value | undefined, isOwn: boolean) => void
}

/** Values of one kind, in memory and in the bucket. */
export interface Collection<Value> {
  get(id: string): Value | undefined
  values(): Iterable<Value>
  entries(): Iterable<readonly [id: string, value: Value]>
  readonly size: number
  /** Whether the bucket has the value as it is here. */
  isSaved(id: string): boolean
  /**
   * Changes one value: `change` gets the newest and answers what it becomes, undefined = it goes. It is called again where another process
   * wrote meanwhile. Resolves when the change is durable, or, while the bucket cannot be reached, when this process has it: it
   * is written later. Never rejects but with what `change` throws.
   */
  update(id: string, change: (held: Value | undefined) => Value | undefined): Promise<Value | undefined>
}

/** The way to the bucket. */
export interface Way {
  readonly bucket: KeyValue
  /** Bounds a call in time, and knows whether calls fail. */
  readonly call: <Result>(work: Promise<Result>) => Promise<Result>
  readonly isFailing: () => boolean
  /** Something waits to be written. */
  readonly retryLater: () => void
  readonly warn: (problem: string) => void
}

/** What the bucket wants of a collection. */
export interface Part {
  /** Takes what the bucket tells of an id. */
  readonly accept: (id: string, entry: KeyValueEntry | undefined, revision: number) => void
  /** All values wait to be written: the bucket was deleted and made anew. */
  readonly putAgain: () => void
  /** Writes what waits to be written. */
  readonly save: () => Promise<void>
  readonly unsaved: () => number
}

interface Held<Value> {
  readonly value: Value | undefined
  /** That of the bucket which `value` was made from; 0 = it is not there. */
  readonly revision: number
  /** The bucket does not have it yet. */
  readonly isUnsaved: boolean
}

type Change<Value> = (held: Value | undefined) => Value | undefined

/** So often in a row another process may be the first; the value is written later then. */
const maxConflicts = 20

/** The values in memory, and how one gets into the bucket. */
const createValues = <Value>({ prefix, schema, onChange }: CollectionOptions<Value>, { bucket, call, warn }: Way) => {
  const held = new Map<string, Held<Value>>()
  /** The revisions that this process removed, until the bucket has told of a later one. */
  const removals = new Map<string, number>()
  /** What this process removed and the bucket still has. */
  const unsavedRemovals = new Set<string>()

  const read = (id: string, entry: KeyValueEntry | undefined): Value | undefined => {
    if (entry === undefined) return undefined
    const { data, error } = schema.safeParse(parsed(entry.value))
    if (error !== undefined) warn(`${prefix}.${id} in the store of alerts cannot be understood and is left out`)
    return data
  }
  const hold = (id: string, next: Held<Value>, isOwn: boolean) => {
    if (next.value === undefined && !next.isUnsaved) held.delete(id)
    else held.set(id, next)
    if (next.value === undefined && next.isUnsaved) unsavedRemovals.add(id)
    else unsavedRemovals.delete(id)
    onChange?.(id, next.value, isOwn)
  }
  return {
    held,
    hold,
    size: () => held.size - unsavedRemovals.size,
    /** Writes a value over `revision`, and holds it. */
    put: async (id: string, value: Value | undefined, revision: number): Promise<void> => {
      const key = `${prefix}.${id}`
      let written = 0
      if (value !== undefined) written = await call(bucket.put(key, JSON.stringify(value), revision))
      else if (revision !== 0) {
        await call(bucket.remove(key, revision))
        removals.set(id, revision)
      }
      hold(id, { value, revision: written, isUnsaved: false }, true)
    },
    fresh: async (id: string): Promise<Held<Value>> => {
      const entry = await call(bucket.get(`${prefix}.${id}`))
      return { value: read(id, entry), revision: entry?.revision ?? 0, isUnsaved: false }
    },
    /** Whether what the bucket tells is newer than what is known. A value that waits to be written is merged then. */
    isNews: (id: string, entry: KeyValueEntry | undefined, revision: number): boolean => {
      if (revision <= (removals.get(id) ?? 0)) return false
      removals.delete(id)
      const known = held.get(id)
      return known === undefined ? entry !== undefined : !known.isUnsaved && revision > known.revision
    },
    putAgain: () => {
      removals.clear()
      for (const [id, { value }] of [...held])
        if (value === undefined) held.delete(id)
        else held.set(id, { value, revision: 0, isUnsaved: true })
      unsavedRemovals.clear()
    },
    take: (id: string, entry: KeyValueEntry | undefined) =>
      hold(id, { value: read(id, entry), revision: entry?.revision ?? 0, isUnsaved: false }, false),
  }
}

/** Values of one kind in a bucket. */
export const createCollection = <Value>(
  options: CollectionOptions<Value>,
  way: Way,
): { readonly collection: Collection<Value>; readonly part: Part } => {
  const { held, hold, size, put, fresh, isNews, take, putAgain } = createValues(options, way)
  const turns = createTurns()

  const keep = (id: string, value: Value | undefined, revision: number): Value | undefined => {
    hold(id, { value, revision, isUnsaved: true }, true)
    way.retryLater()
    return value
  }

  const changed = async (id: string, change: Change<Value>): Promise<Value | undefined> => {
    let from = held.get(id) ?? { value: undefined, revision: 0, isUnsaved: false }
    for (let conflicts = 0; ; conflicts += 1) {
      const value = change(from.value)
      if (value === from.value) {
        if (from !== held.get(id) && from.value !== undefined) hold(id, from, false)
        return value
      }
      if (way.isFailing() || from.isUnsaved || conflicts >= maxConflicts) return keep(id, value, from.revision)
      try {
        await put(id, value, from.revision)
        return value
      } catch (error) {
        if (!(error instanceof KeyValueConflict)) return keep(id, value, from.revision)
        from = await fresh(id).catch(() => ({ ...from, isUnsaved: true }))
      }
    }
  }

  /**
   * Writes one value that the bucket does not have; where another process wrote, the merge of both. What another process wrote is not removed.
   * One that fails is the last next time: the bucket may refuse it alone.
   */
  const saveOne = async (id: string) => {
    const own = held.get(id)
    if (own?.isUnsaved !== true) return
    const { value, revision } = own
    try {
      const stored = await fresh(id)
      if (value === undefined && stored.revision !== revision) return hold(id, stored, false)
      await put(id, value && stored.value ? options.merge(value, stored.value) : value, stored.revision)
    } catch (error) {
      held.delete(id)
      held.set(id, own)
      throw error
    }
  }

  return {
    collection: {
      get: (id) => held.get(id)?.value,
      *values() {
        for (const { value } of held.values()) if (value !== undefined) yield value
      },
      *entries() {
        for (const [id, { value }] of held) if (value !== undefined) yield [id, value]
      },
      get size() {
        return size()
      },
      isSaved: (id) => held.get(id)?.isUnsaved !== true,
      update: (id, change) => turns.next(id, () => changed(id, change)),
    },
    part: {
      accept: (id, entry, revision) => {
        // A write of this process may be under way: once it is done, its revision tells whether this is news.
        turns.afterThose(id, () => {
          if (isNews(id, entry, revision)) take(id, entry)
        })
      },
      putAgain,
      save: async () => {
        for (const [id, { isUnsaved }] of held) if (isUnsaved) await turns.next(id, () => saveOne(id))
      },
      unsaved: () => [...held.values()].filter(({ isUnsaved }) => isUnsaved).length,
    },
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
