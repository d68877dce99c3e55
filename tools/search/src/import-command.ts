import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { databaseSettings } from '@armature/config/common'
import { bytes, choice, integer, text, toggle } from '@armature/config/settings'
import { openDatabase } from '@armature/database/open'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { CrsError } from './crs.ts'
import { type BadFeature, importFile, type ImportReport } from './import-file.ts'
import { SplitError, splitJson, splitLines } from './json-splitter.ts'

const settings = z.object({
  ...databaseSettings,
  strict: toggle().default(false).meta({ description: 'Import nothing when a feature is bad', env: 'IMPORT_STRICT' }),
  repair: toggle()
    .default(false)
    .meta({ description: 'Mend rings that cross themselves instead of skipping their features', env: 'IMPORT_REPAIR' }),
  lines: toggle()
    .optional()
    .meta({ description: 'The file has a feature a line (default: by the ending of its name)', env: 'IMPORT_LINES' }),
  nameProperty: text().default('name').meta({ description: 'Property that has the name', env: 'IMPORT_NAME_PROPERTY' }),
  codeProperty: text().default('code').meta({ description: 'Property that has the code', env: 'IMPORT_CODE_PROPERTY' }),
  maxPoints: integer({ min: 4, max: 10_000_000 })
    .default(1_000_000)
    .meta({ description: 'Most points of one feature', env: 'IMPORT_MAX_POINTS' }),
  maxFeatureBytes: bytes({ min: 1_024, max: 1024 ** 3 })
    .default(64 * 1024 ** 2)
    .meta({ description: 'Largest feature, in bytes', env: 'IMPORT_MAX_FEATURE_BYTES' }),
  format: choice(['text', 'json']).default('text').meta({ description: 'Format of the output', env: 'IMPORT_FORMAT' }),
})

/** A batch of large outlines may take long. */
const statementTimeoutMs = 600_000
const linesEnding = /\.(ndjson|geojsonl|geojsons|jsonl|ndgeojson)$/i

/** `armature-search import FILE`: adds the features of a file of GeoJSON, in one transaction. */
export const importCommand = command({
  summary: 'Add the features of a GeoJSON file, or of standard input (-), to the database',
  settings,
  positionals: { usage: 'FILE', min: 1, max: 1 },
  run: async (asked, { positionals: [file = ''], stdin, stdout, stderr, signal }) => {
    if (asked.databaseUrl.startsWith('embedded:')) {
      throw new ServiceError('an embedded database is gone when this command ends', {
        exitCode: exitCodes.usage,
        fix: 'Name a database by --database-url (env DATABASE_URL): postgres://USER:PASSWORD@HOST:PORT/NAME',
      })
    }
    const input = await openInput(file, stdin)
    const database = await openDatabase(asked.databaseUrl, { maxConnections: 1, statementTimeoutMs })
    const told = teller(file, input.bytes, stderr)
    try {
      const split = (asked.lines ?? linesEnding.test(file)) ? splitLines : splitJson
      const pieces = split(told.counted(input.stream), asked.maxFeatureBytes)
      const report = await importFile(database, pieces, { ...asked, signal, ...told })
      told.end()
      stdout.write(asked.format === 'json' ? `${JSON.stringify(report)}\n` : `${summaryOf(report)}\n`)
      if (report.imported === 0) stderr.write(`${file}: nothing was imported\n`)
      return report.imported === 0 || (asked.strict && report.skipped > 0) ? exitCodes.data : exitCodes.ok
    } catch (error) {
      told.end()
      throw explained(error, file, signal)
    } finally {
      input.stream.destroy()
      await database.close()
    }
  },
})

interface Input {
  readonly stream: Readable
  /** Undefined where nobody knows. */
  readonly bytes: number | undefined
}

const openInput = async (file: string, stdin: Readable): Promise<Input> => {
  if (file === '-') return { stream: stdin, bytes: undefined }
  try {
    const { size } = await stat(file)
    return { stream: createReadStream(file, { highWaterMark: 256 * 1024 }), bytes: size }
  } catch (error) {
    throw unreadable(file, error)
  }
}

const unreadable = (file: string, cause: unknown) =>
  new ServiceError(`${file} cannot be read`, { exitCode: exitCodes.io, cause, fix: 'Nothing was imported' })

const explained = (error: unknown, file: string, signal: AbortSignal): unknown => {
  if (error instanceof SplitError) {
    const fix = 'Nothing was imported. Correct the file; --lines reads a file with a feature a line'
    return new ServiceError(`${file}, ${error.message}`, { exitCode: exitCodes.data, fix })
  }
  if (error instanceof CrsError) {
    const fix = 'Nothing was imported. Convert the file first: ogr2ogr -t_srs EPSG:4326 OUT.geojson IN.geojson'
    return new ServiceError(`${file}: ${error.message}`, { exitCode: exitCodes.data, fix })
  }
  if (signal.aborted) return new ServiceError('stopped: nothing was imported', { exitCode: exitCodes.temporary })
  return (error as NodeJS.ErrnoException).syscall === 'read' ? unreadable(file, error) : error
}

const summaryOf = ({ imported, skipped, repaired, withoutArea, doubtful }: ImportReport): string => {
  const parts = [`${imported} imported`, `${skipped} bad`]
  if (repaired > 0) parts.push(`${repaired} mended`)
  if (withoutArea > 0) parts.push(`${withoutArea} without an area: found by name only`)
  if (doubtful > 0) parts.push(`${doubtful} doubtful`)
  return parts.join(', ')
}

const maxBadShown = 1_000

/** Reports bad features, one a line, and shows the progress on a terminal. */
const teller = (file: string, bytesInAll: number | undefined, stderr: Writable & { readonly isTTY?: boolean }) => {
  let [bytesRead, badShown, shown] = [0, 0, false]
  const clear = () => {
    if (shown) stderr.write('\r\u001b[K')
    shown = false
  }
  const tell = ({ line, feature, problem }: BadFeature, word = '') => {
    badShown += 1
    if (badShown > maxBadShown) return
    clear()
    stderr.write(`${file}:${line}: feature ${feature}: ${word}${problem}\n`)
    if (badShown === maxBadShown) stderr.write('further bad features are counted only\n')
  }
  return {
    async *counted(stream: AsyncIterable<Buffer>) {
      for await (const chunk of stream) {
        bytesRead += chunk.length
        yield chunk
      }
    },
    onBad: (bad: BadFeature) => tell(bad),
    onDoubt: (doubtful: BadFeature) => tell(doubtful, 'doubtful: '),
    onProgress: (features: number) => {
      if (stderr.isTTY !== true) return
      const share = bytesInAll === undefined ? '' : `, ${Math.floor((100 * bytesRead) / Math.max(bytesInAll, 1))} %`
      stderr.write(`\r${features.toLocaleString('en')} features${share}`)
      shown = true
    },
    end: clear,
  }
}
