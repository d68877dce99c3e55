import { isBefore } from './streams-codec.ts'
import type { StreamsConnection } from './streams-connection.ts'
import { cursorAfter, type Cursor, type Cursors } from './streams-cursors.ts'
import { readIdsScript } from './streams-scripts.ts'

export interface ReaderChecksParts {
  readonly connection: StreamsConnection
  /** The private group of the reader. */
  readonly group: string
  readonly cursors: Cursors
  /** Joins the private group again, which the server has forgotten. */
  readonly joinAgain: () => Promise<void>
  /** Called when a cursor was moved back. */
  readonly onMovedBack: () => void
}

/** Finds out that a stream is not the one that it was. */
export interface ReaderChecks {
  /**
   * Checks the streams that brought no entry since the last check. A stream that was made again may have ids that are lower than those that were
   * read, and so may a stream on a replica that took over and lacks its end: such a stream is read from where the server knows this reader to
   * be, or from its beginning.
   */
  checkQuiet(): Promise<void>
  /** Checks all streams: the server does not know the private group. */
  checkAll(): Promise<void>
  /** Checks all streams after the server was emptied. */
  checkEmptied(): Promise<void>
}

/** Checks for the streams of one reader. */
export const readerChecks = (parts: ReaderChecksParts): ReaderChecks => {
  const { connection, group, cursors } = parts

  const check = async (checked: readonly (readonly [string, Cursor])[], isEmptied: boolean) => {
    for (const cursor of cursors.values()) cursor.checkedId = cursor.readId
    if (checked.length === 0) return
    const stand = await connection.run<string[]>(readIdsScript, group, ...checked.map(([topic]) => topic))
    let isForgotten = isEmptied
    for (const [index, [topic, cursor]] of checked.entries()) {
      const [lastId = '0-0', groupId = ''] = stand.slice(2 * index)
      const isGroupGone = groupId === ''
      isForgotten ||= isGroupGone
      const hasMoved = cursor.checkedId !== cursor.readId
      if (hasMoved || !(isBefore(lastId, cursor.readId) || (isEmptied && isGroupGone))) continue
      cursors.set(topic, cursorAfter(isGroupGone || isBefore(lastId, groupId) ? '0-0' : groupId))
      parts.onMovedBack()
    }
    if (isForgotten) await parts.joinAgain()
  }

  return {
    checkQuiet: () =>
      check(
        [...cursors].filter(([, { checkedId, readId }]) => checkedId === readId),
        false,
      ),
    checkAll: () => check([...cursors], false),
    checkEmptied: () => check([...cursors], true),
  }
}
