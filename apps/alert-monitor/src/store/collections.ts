import { within } from '@armature/async/within'
import type { Cancel, Clock } from '@armature/async/clock'
import { KeyValueConflict, type KeyValue } from '@armature/messaging/key-value'
import { type Collection, type CollectionOptions, createCollection, type Part, type Way } from './kept-collection.ts'

export interface Collections {
  /** To be called before `load`. */
  collection<Value>(options: CollectionOptions<Value>): Collection<Value>
  /** Reads all that is kept, and follows it from then on. Rejects where the bucket cannot be read. */
  load(): Promise<void>
  /** Why the bucket takes nothing; undefined while it does. */
  readonly failing: string | undefined
  /** Values that the bucket does not have yet. */
  readonly unsaved: number
  /** Writes what can be written. Safe to call twice. */
  close(): Promise<void>
}

export interface CollectionsOptions {
  readonly bucket: KeyValue
  readonly clock: Pick<Clock, 'after'>
  readonly warn: (problem: string) => void
}

/** One call of the bucket. */
const callLimitMs = 5_000
/** While the bucket fails it is asked so often; meanwhile nobody waits for it. */
const retryEveryMs = 1_000

/** Collections of one bucket. Alerts are told although the bucket fails: a notice may be told twice then, and none is missed. */
export const createCollections = ({ bucket, clock, warn }: CollectionsOptions): Collections => {
  const parts = new Map<string, Part>()
  let failing: string | undefined
  let cancelRetry: Cancel = () => undefined
  let closed = false

  const call = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      const answer = await within(
        callLimitMs,
        work.then((result) => ({ result })),
        clock,
      )
      if (answer === undefined) throw new Error(`the store of alerts did not answer within ${callLimitMs} ms`)
      if (failing !== undefined) warn('the store of alerts takes changes again')
      failing = undefined
      return answer.result
    } catch (error) {
      if (error instanceof KeyValueConflict) throw error
      const problem = (error as Error).message
      if (failing === undefined && !closed)
        warn(`the store of alerts takes no changes, they are kept in memory: ${problem}`)
      failing = problem
      retryLater()
      throw error
    }
  }

  const retryLater = () => {
    cancelRetry()
    if (closed) return
    cancelRetry = clock.after(retryEveryMs, () => void saveAll())
  }

  const saveAll = async () => {
    for (const part of parts.values()) await part.save().catch(() => undefined)
    if ([...parts.values()].some((part) => part.unsaved() > 0)) retryLater()
  }

  const way: Way = { bucket, call, isFailing: () => failing !== undefined, retryLater, warn }

  return {
    collection: (options) => {
      const { collection, part } = createCollection(options, way)
      parts.set(options.prefix, part)
      return collection
    },
    load: () =>
      call(
        bucket.watch(
          (key, entry, revision) => {
            const dot = key.indexOf('.')
            parts.get(key.slice(0, dot))?.accept(key.slice(dot + 1), entry, revision)
          },
          () => {
            for (const part of parts.values()) part.putAgain()
            retryLater()
          },
        ),
      ),
    get failing() {
      return failing
    },
    get unsaved() {
      return [...parts.values()].reduce((sum, part) => sum + part.unsaved(), 0)
    },
    close: async () => {
      if (closed) return
      closed = true
      cancelRetry()
      for (const part of parts.values()) await part.save().catch(() => undefined)
      await bucket.close()
    },
  }
}
