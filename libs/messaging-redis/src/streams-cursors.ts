import { idBefore } from './streams-codec.ts'

/** The place of a reader in one stream. */
export interface Cursor {
  /** The id of the last entry that was read. */
  readId: string
  /** Ids of entries that were read and are not settled, the oldest first. */
  readonly unsettledIds: Set<string>
  /** The server knows that all entries up to this id are settled. */
  savedId: string
  /** `readId` at the last check of the stream. */
  checkedId: string
}

/** The cursors of one reader, by topic. */
export type Cursors = Map<string, Cursor>

/** A cursor that reads what comes after the id. */
export const cursorAfter = (id: string): Cursor => ({
  readId: id,
  unsettledIds: new Set(),
  savedId: id,
  checkedId: '',
})

/** The greatest id up to which all is settled. */
export const settledId = ({ unsettledIds, readId }: Cursor): string => {
  for (const oldest of unsettledIds) return idBefore(oldest)
  return readId
}
