import type { FetchedRecord } from './fetched.ts'
import { contentsOf, type KafkaHandle } from './stored-record.ts'
import type { Cursor, KafkaWalk } from './walk.ts'

/** Which records of a partition are to be removed. */
export interface FoundRecords {
  readonly offsets: ReadonlySet<number>
  /** How many records before the last of them stay. */
  readonly kept: number
}

/** The records to look for, by their contents, since an offset alone may be another record's by now. */
interface Wanted {
  /** Contents by offset, of those that lie where they were seen. */
  readonly inPlace: ReadonlyMap<number, string>
  /** How many to look for by contents alone: an earlier removal has cut them off and published them again further on. */
  readonly moved: Map<string, number>
}

/** Finds the records of these handles in the partition of the cursor. One that is not there any more is left out. */
export const findRecords = async (
  walk: KafkaWalk,
  cursor: Cursor,
  handles: readonly KafkaHandle[],
): Promise<FoundRecords> => {
  const wanted = wantedOf(cursor, handles)
  const last = Math.max(...wanted.inPlace.keys())
  const end = wanted.moved.size > 0 ? cursor.end : Math.min(last + 1, cursor.end)
  const offsets = new Set<number>()
  let seen = 0
  let kept = 0
  await walk.walk({ ...cursor, end }, (chunk) => {
    for (const record of chunk) {
      seen++
      if (!takes(wanted, record)) continue
      offsets.add(record.offset)
      kept = seen - offsets.size
    }
  })
  return { offsets, kept }
}

const wantedOf = (cursor: Cursor, handles: readonly KafkaHandle[]): Wanted => {
  const inPlace = new Map(handles.map(({ offset, contents }) => [offset, contents]))
  const moved = new Map<string, number>()
  for (const { offset, contents } of handles) {
    if (offset < cursor.next) moved.set(contents, (moved.get(contents) ?? 0) + 1)
  }
  return { inPlace, moved }
}

/** Whether a record is wanted. One that was moved is then looked for once less. */
const takes = ({ inPlace, moved }: Wanted, record: FetchedRecord): boolean => {
  if (moved.size === 0 && !inPlace.has(record.offset)) return false
  const contents = contentsOf(record)
  if (inPlace.get(record.offset) === contents) return true
  const left = moved.get(contents) ?? 0
  if (left === 0) return false
  moved.set(contents, left - 1)
  return true
}
