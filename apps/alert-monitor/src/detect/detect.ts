import type { Readable, Writable } from 'node:stream'
import { createAnomalyDetector } from '@armature/anomaly/detector'
import { linesOf } from '@armature/messaging-commands/lines'
import { write } from '@armature/messaging-commands/write'
import { exitCodes } from '@armature/service/exit-codes'
import { seriesHeader, seriesRow, type SeriesHeader } from './series-csv.ts'

export interface DetectStreams {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly signal: AbortSignal
}

/** Bad rows that are named on stderr; the rest is counted. */
const maxNamedFaults = 20

const header = 'timestamp,value,anomaly_score,expected,low,high\n'

/**
 * Judges a series in CSV, a row a row, as the rows come. A row that cannot be read comes out with its cells and no judgement, is named
 * on stderr with its line, and makes the exit code 65; the others are judged. A stamp that is not later than the one before it is
 * judged in the order of the rows, and counted on stderr.
 */
export const detect = async ({ stdin, stdout, stderr, signal }: DetectStreams): Promise<number> => {
  const detector = createAnomalyDetector()
  const decoder = new TextDecoder()
  let columns: SeriesHeader | undefined
  let line = 0
  let faults = 0
  let unordered = 0
  let lastMs = -Infinity
  for await (const bytes of linesOf(stdin, signal)) {
    const text = decoder.decode(bytes)
    line += 1
    if (columns === undefined) {
      columns = seriesHeader(text)
      if (columns === undefined) {
        stderr.write(`line 1 is ${JSON.stringify(text.slice(0, 80))}: begin with the header timestamp,value\n`)
        return exitCodes.data
      }
      await write(stdout, header, signal)
      continue
    }
    if (text.trim() === '') continue
    const row = seriesRow(text, columns)
    if ('problem' in row) {
      faults += 1
      if (faults <= maxNamedFaults) stderr.write(`line ${line}: ${row.problem}\n`)
      await write(stdout, `${cell(row.timestamp)},${cell(row.value)},,,,\n`, signal)
      continue
    }
    if (row.atMs <= lastMs) unordered += 1
    lastMs = row.atMs
    const { score, expected, low, high } = detector.judge(row.atMs, row.number)
    await write(stdout, `${row.timestamp},${row.value},${score},${expected},${low},${high}\n`, signal)
  }
  if (columns === undefined && !signal.aborted) {
    stderr.write('the input is empty: begin with the header timestamp,value\n')
    return exitCodes.data
  }
  if (unordered > 0)
    stderr.write(
      `${unordered} row(s) have a stamp that is not later than the row before: judged in the order of the rows\n`,
    )
  if (faults > 0) stderr.write(`${faults} row(s) could not be read; they have no score\n`)
  return faults > 0 ? exitCodes.data : exitCodes.ok
}

/** A cell that cannot be read, so that the row stays a row. */
const cell = (text: string): string => text.replaceAll('"', '')
