import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { CrsError, crsProblem } from './crs.ts'
import { FeatureError } from './feature-error.ts'
import { type FeatureRules, type FeatureThing, thingOf } from './feature.ts'
import { addThings, refreshPlans, withoutJit } from '@armature/search-service/import-things'
import type { Piece } from './json-splitter.ts'
import { migrations } from '@armature/search-service/migrations'

export interface ImportReport {
  readonly imported: number
  readonly skipped: number
  /** Imported after a ring that crosses itself was mended. */
  readonly repaired: number
  /** Imported without an area: found by name only. */
  readonly withoutArea: number
  /** With an edge of more than 180 degrees, whatever became of them. */
  readonly doubtful: number
}

export interface ImportOptions extends FeatureRules {
  /** Nothing is imported when a feature is bad. */
  readonly strict: boolean
  /** Rings that cross themselves are mended, else their features are skipped. */
  readonly repair: boolean
  /** Called for each bad feature, once it is known that the file is in WGS 84. */
  readonly onBad: (bad: BadFeature) => void
  /** Called in the same way for each feature that is imported although it may not be what was meant. */
  readonly onDoubt?: (doubtful: BadFeature) => void
  /** Called now and then with the number of features read. */
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

interface Found extends FeatureThing {
  readonly line: number
  readonly feature: number
}

const maxBatchThings = 500
const maxBatchCharacters = 4_000_000

/**
 * Adds the features of a file in one transaction: all that are good, or none when the file breaks off, the database fails, `strict` finds a
 * bad one, or it is stopped. Holds one batch in memory. Rejects with CrsError (a `crs` before or after the features), SplitError,
 * DatabaseError, or the signal's reason.
 */
export const importFile = async (
  database: Database,
  pieces: AsyncIterable<Piece>,
  options: ImportOptions,
): Promise<ImportReport> => {
  await migrate(database, migrations)
  const report = { imported: 0, skipped: 0, repaired: 0, withoutArea: 0, doubtful: 0 }
  const reports = heldBack()
  const bad = (line: number, feature: number, problem: string) => {
    report.skipped += 1
    reports.add(() => options.onBad({ line, feature, problem }))
  }
  const doubtful = (line: number, feature: number, problem: string) => {
    report.doubtful += 1
    reports.add(() => options.onDoubt?.({ line, feature, problem }))
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
    await withoutJit(within)
    for await (const { line, of, text } of pieces) {
      options.signal?.throwIfAborted()
      if (of !== 'features' && text !== undefined) {
        const { isCollection, crs } = documentOf(of === 'head' ? `${text}]}` : text)
        const foreign = crsProblem(crs)
        if (foreign !== undefined) throw new CrsError(foreign)
        if (of === 'document' || crs !== undefined) reports.release()
        if (isCollection) continue
      }
      features += 1
      try {
        if (text === undefined) throw new FeatureError('it is too large')
        const thing = thingOf(text, options)
        if (thing.doubt !== undefined) doubtful(line, features, thing.doubt)
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
    reports.release()
    return report
  } catch (error) {
    if (!(error instanceof CrsError)) reports.release()
    if (error !== refused) throw error
    return { ...report, imported: 0, repaired: 0, withoutArea: 0 }
  }
}

const maxHeldReports = 1_000

/**
 * Reports wait until it is known that the file is in WGS 84, since a `crs` may come after the features: one refusal tells more than a
 * report a feature. They wait no longer when there are too many.
 */
const heldBack = () => {
  const held: (() => void)[] = []
  let holds = true
  const release = () => {
    holds = false
    for (const tell of held.splice(0)) tell()
  }
  return {
    add: (tell: () => void) => {
      if (holds) held.push(tell)
      else tell()
      if (held.length >= maxHeldReports) release()
    },
    release,
  }
}

interface Document {
  /** Its features came by themselves. */
  readonly isCollection: boolean
  readonly crs: unknown
}

const documentOf = (text: string): Document => {
  try {
    const { type, crs } = JSON.parse(text) as { readonly type?: unknown; readonly crs?: unknown }
    return { isCollection: type === 'FeatureCollection', crs }
  } catch {
    return { isCollection: false, crs: undefined }
  }
}
