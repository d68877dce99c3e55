import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { FeatureError, type FeatureRules, thingOf } from './feature.ts'
import { addThings, refreshPlans } from './import-things.ts'
import type { Piece } from './json-splitter.ts'
import { migrations } from './migrations.ts'
import type { Thing } from './store.ts'

export interface ImportReport {
  readonly imported: number
  readonly skipped: number
  /** Imported after a ring that crosses itself was mended. */
  readonly repaired: number
  /** Imported without an area: found by name only. */
  readonly withoutArea: number
}

export interface ImportOptions extends FeatureRules {
  /** Nothing is imported when a feature is bad. */
  readonly strict: boolean
  /** Rings that cross themselves are mended, else their features are skipped. */
  readonly repair: boolean
  /** Told of each bad feature, as it is found. */
  readonly onBad: (bad: BadFeature) => void
  /** Told now and then how many features were read. */
  readonly onProgress?: (features: number) => void
  /** Once aborted, nothing is imported. */
  readonly signal?: AbortSignal
}

export interface BadFeature {
  readonly line: number
  /** Counted from 1. */
  readonly feature: number
  readonly problem: string
}

interface Found extends Thing {
  readonly line: number
  readonly feature: number
}

const maxBatchThings = 500
const maxBatchCharacters = 4_000_000

/**
 * Adds the features of a file in one transaction: all that are good, or none when the file breaks off, the database fails, `strict` finds a
 * bad one, or it is stopped. Holds one batch in memory. Rejects with SplitError, DatabaseError, or the signal's reason.
 */
export const importFile = async (
  database: Database,
  pieces: AsyncIterable<Piece>,
  options: ImportOptions,
): Promise<ImportReport> => {
  await migrate(database, migrations)
  const report = { imported: 0, skipped: 0, repaired: 0, withoutArea: 0 }
  const bad = (line: number, feature: number, problem: string) => {
    report.skipped += 1
    options.onBad({ line, feature, problem })
  }
  let features = 0

  const write = async (within: Queryable, batch: readonly Found[]): Promise<void> => {
    if (batch.length === 0) return
    const added = await addThings(within, batch, options).catch((error: unknown) => {
      if (!(error instanceof DatabaseError)) throw error
      const [from, to] = [batch[0]?.line, batch.at(-1)?.line]
      throw new DatabaseError(`lines ${from} to ${to}: ${error.message}`, { code: error.code })
    })
    for (const [place, { fault, hasArea }] of added.entries()) {
      const { line, feature } = batch[place] as Found
      if (fault !== undefined && !options.repair) bad(line, feature, `its outline is not valid: ${fault}`)
      else {
        report.imported += 1
        if (fault !== undefined) report.repaired += 1
        if (!hasArea) report.withoutArea += 1
      }
    }
    options.onProgress?.(features)
  }

  const refused = new Error('strict')
  const work = database.transaction(async (within) => {
    let batch: Found[] = []
    let characters = 0
    for await (const { line, of, text } of pieces) {
      options.signal?.throwIfAborted()
      if (of === 'document' && text !== undefined && isCollection(text)) continue
      features += 1
      try {
        if (text === undefined) throw new FeatureError('it is too large')
        const thing = thingOf(text, options)
        batch.push({ ...thing, line, feature: features })
        characters += thing.geometry.length
      } catch (error) {
        if (!(error instanceof FeatureError)) throw error
        bad(line, features, error.message)
      }
      if (batch.length < maxBatchThings && characters < maxBatchCharacters) continue
      await write(within, batch)
      batch = []
      characters = 0
    }
    await write(within, batch)
    options.signal?.throwIfAborted()
    if (options.strict && report.skipped > 0) throw refused
    await refreshPlans(within)
  })
  try {
    await work
    return report
  } catch (error) {
    if (error !== refused) throw error
    return { imported: 0, skipped: report.skipped, repaired: 0, withoutArea: 0 }
  }
}

/** Its features came before it. */
const isCollection = (text: string): boolean => {
  try {
    return (JSON.parse(text) as { type?: unknown }).type === 'FeatureCollection'
  } catch {
    return false
  }
}
