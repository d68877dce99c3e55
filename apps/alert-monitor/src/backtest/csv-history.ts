import { boundedTags, isName, parseValue, type SampleType } from '../collect/sample.ts'
import { createHistory, type History, type HistorySeries } from './history.ts'
import { parseTimestamp } from './time.ts'

export interface CsvOptions {
  /** The metric of a file that has no such column. */
  readonly metric: string | undefined
  readonly type: SampleType
  /** Points before are left out, in milliseconds since the epoch. Default: none. */
  readonly fromMs?: number | undefined
  /** Points after are left out. Default: none. */
  readonly toMs?: number | undefined
}

export interface CsvHistory {
  readonly history: History
  /** Rows that hold no point, with their line and the reason; the first of them. */
  readonly refused: readonly string[]
  readonly refusedCount: number
}

const maxRefusedShown = 10
const maxLineLength = 16_384
const maxSeries = 100_000

/**
 * Reads lines of CSV: a header with `timestamp` and `value`, `metric` where a file has several, and a tag in each further column. A row that
 * cannot be read is counted. Rejects where the header is of no use.
 */
export const readCsv = async (lines: AsyncIterable<string>, options: CsvOptions): Promise<CsvHistory> => {
  const { fromMs = -Infinity, toMs = Infinity } = options
  const builder = createHistory()
  const refused: string[] = []
  let refusedCount = 0
  let line = 0
  let columns: Columns | undefined
  const refuse = (reason: string) => {
    refusedCount += 1
    if (refused.length < maxRefusedShown) refused.push(`line ${line}: ${reason}`)
  }
  for await (const text of lines) {
    line += 1
    if (text.trim() === '') continue
    if (columns === undefined) {
      columns = columnsOf(fieldsOf(text.replace(/^\uFEFF/, '')), options)
      continue
    }
    const point = text.length > maxLineLength ? 'is too long' : pointOf(fieldsOf(text), columns)
    if (typeof point === 'string') refuse(point)
    else if (point.timeMs >= fromMs && point.timeMs <= toMs) builder.add(point.series, point.timeMs, point.value)
  }
  if (columns === undefined) throw new Error('the file is empty: give a header, such as timestamp,value')
  return { history: builder.build(), refused, refusedCount }
}

interface Columns {
  readonly timestamp: number
  readonly value: number
  /** Undefined = `onlySeries`. */
  readonly metric: number | undefined
  readonly tags: readonly { readonly name: string; readonly place: number }[]
  readonly metricName: string | undefined
  readonly type: SampleType
  /** The series seen, by name and tags. */
  readonly series: Map<string, HistorySeries>
}

const columnsOf = (header: readonly string[], { metric: metricName, type }: CsvOptions): Columns => {
  const names = header.map((name) => name.trim())
  const place = (name: string) => {
    const found = names.indexOf(name)
    return found === -1 ? undefined : found
  }
  const timestamp = place('timestamp')
  const value = place('value')
  if (timestamp === undefined || value === undefined)
    throw new Error(`the header is '${header.join(',').slice(0, 80)}': it must have timestamp and value`)
  const metric = place('metric')
  if (metric === undefined && metricName === undefined)
    throw new Error('the file has no column metric: name the metric of its values by --metric')
  const tags = names.flatMap((name, at) =>
    at === timestamp || at === value || at === metric ? [] : [{ name, place: at }],
  )
  return { timestamp, value, metric, tags, metricName, type, series: new Map() }
}

const pointOf = (
  fields: readonly string[],
  columns: Columns,
): { readonly series: HistorySeries; readonly timeMs: number; readonly value: number } | string => {
  const timeText = fields[columns.timestamp] ?? ''
  const timeMs = parseTimestamp(timeText)
  if (timeMs === undefined) return `'${timeText.slice(0, 40)}' is no time`
  const valueText = (fields[columns.value] ?? '').trim()
  const value = parseValue(valueText)
  if (value === undefined) return `'${valueText.slice(0, 40)}' is no value`
  const series = seriesOf(fields, columns)
  return typeof series === 'string' ? series : { series, timeMs, value }
}

const seriesOf = (fields: readonly string[], columns: Columns): HistorySeries | string => {
  const name = columns.metric === undefined ? (columns.metricName ?? '') : (fields[columns.metric] ?? '').trim()
  const pairs = columns.tags.flatMap(({ name: tag, place }) => {
    const text = fields[place] ?? ''
    return text === '' ? [] : [[tag, text] as const]
  })
  const key = JSON.stringify([name, pairs])
  const known = columns.series.get(key)
  if (known !== undefined) return known
  if (!isName(name)) return `'${name.slice(0, 40)}' is no name of a metric`
  const tags = boundedTags(pairs)
  if (typeof tags === 'string') return 'its tags are too many or too long'
  if (columns.series.size >= maxSeries) return `it is of one more series than ${maxSeries}`
  const series = { name, tags, type: columns.type }
  columns.series.set(key, series)
  return series
}

/** The fields of a line of CSV (RFC 4180); a field in quotes may hold commas, and a quote twice. */
const fieldsOf = (line: string): readonly string[] => {
  if (!line.includes('"')) return line.split(',')
  const fields: string[] = []
  const form = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y
  for (let end = false; !end;) {
    const [, quoted, plain = '', separator] = form.exec(line) ?? []
    if (separator === undefined) return [...fields, line]
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    end = separator === ''
  }
  return fields
}
