import { randomUUID } from 'node:crypto'
import type { Collections } from '../store/collections.ts'
import type { Collection } from '../store/kept-collection.ts'
import type { Labels } from './alert.ts'
import {
  canChange,
  createSilence,
  type Silence,
  SilenceError,
  type SilenceParts,
  type SilenceRecord,
  silenceRecord,
  silenceState,
} from './silence.ts'
import { createSilenceCover } from './silence-cover.ts'

export interface SilencesOptions {
  readonly collections: Pick<Collections, 'collection'>
  /** Silences at once, expired ones among them. */
  readonly maxSilences: number
  readonly nowMs: () => number
}

/** All silences. */
export interface Silences {
  all(): readonly Silence[]
  get(id: string): Silence | undefined
  /** The ids of the active silences that cover the labels. */
  covering(labels: Labels, nowMs: number): readonly string[]
  /**
   * Adds a silence, or changes the one of this id; where that is not possible, it expires and a new one is added. Resolves with the id.
   * Rejects with SilenceError and MatcherError.
   */
  set(parts: SilenceParts, id?: string): Promise<string>
  /** Ends a silence now. Resolves to whether there is one. */
  expire(id: string): Promise<boolean>
  /** Removes those that expired long ago. */
  prune(): void
}

/** An expired silence is shown for so long. */
const keepExpiredMs = 86_400_000

/** Reads and keeps silences in a collection. */
export const createSilences = ({ collections, maxSilences, nowMs }: SilencesOptions): Silences => {
  const silences = new Map<string, Silence>()
  const cover = createSilenceCover(() => silences.values())
  const records: Collection<SilenceRecord> = collections.collection({
    prefix: 'silences',
    // What was written by others may hold an expression that is none.
    schema: silenceRecord.refine(isSilence, { error: 'is no silence' }),
    merge: (own, stored) => (own.updatedAtMs >= stored.updatedAtMs ? own : stored),
    onChange: (id, record) => {
      if (record === undefined) silences.delete(id)
      else silences.set(id, createSilence(record))
      cover.changed()
    },
  })

  const makeRoom = () => {
    if (records.size < maxSilences) return
    const expired = [...silences.values()].filter((silence) => silenceState(silence, nowMs()) === 'expired')
    const oldest = expired.toSorted((one, other) => one.endsAtMs - other.endsAtMs)[0]
    if (oldest === undefined)
      throw new SilenceError(`there are ${maxSilences} silences, the most there can be: expire one first`)
    void records.update(oldest.id, () => undefined)
  }

  const expire = async (id: string): Promise<boolean> => {
    if (!silences.has(id)) return false
    await records.update(id, (record) => {
      if (record === undefined || silenceState(record, nowMs()) === 'expired') return record
      // One that has not begun never does.
      const endsAtMs = nowMs()
      return { ...record, startsAtMs: Math.min(record.startsAtMs, endsAtMs - 1), endsAtMs, updatedAtMs: endsAtMs }
    })
    return true
  }

  return {
    all: () => [...silences.values()],
    get: (id) => silences.get(id),
    covering: cover.covering,
    set: async (parts, id) => {
      const held = id === undefined ? undefined : silences.get(id)
      const isChange = held !== undefined && canChange(held, parts, nowMs())
      // What is over keeps nothing quiet, and what began in the past begins now.
      const startsAtMs = isChange ? parts.startsAtMs : Math.max(parts.startsAtMs, nowMs())
      const record = { ...parts, startsAtMs, id: isChange ? held.id : randomUUID(), updatedAtMs: nowMs() }
      if (record.endsAtMs <= nowMs()) throw new SilenceError('the silence ends in the past: give a later end')
      createSilence(record)
      if (!isChange) makeRoom()
      await records.update(record.id, () => record)
      if (held !== undefined && !isChange) await expire(held.id)
      return record.id
    },
    expire,
    prune: () => {
      for (const { id, endsAtMs } of silences.values())
        if (endsAtMs + keepExpiredMs <= nowMs()) void records.update(id, () => undefined)
    },
  }
}

const isSilence = (record: SilenceRecord): boolean => {
  try {
    createSilence(record)
    return true
  } catch {
    return false
  }
}
