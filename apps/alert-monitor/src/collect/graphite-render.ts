import * as z from 'zod'
import { fetchBounded } from './fetch-bounded.ts'
import { boundedTags, isName, refuse, sampleLimits, type Malformed, type Refused, type Sample } from './sample.ts'

/** A series that Graphite answered. */
export interface RenderedSeries {
  readonly name: string
  readonly tags: Sample['tags']
  /** In order of time; intervals without a value are left out. */
  readonly points: readonly { readonly timeMs: number; readonly value: number }[]
}

export interface Rendered {
  readonly series: readonly RenderedSeries[]
  readonly refused: readonly Refused[]
}

export interface RenderOptions {
  /** The address of graphite-web: `http://HOST:PORT`, with a path where it has one. */
  readonly url: string
  readonly targets: readonly string[]
  /** Of the first value, exclusive. */
  readonly fromMs: number
  /** Of the last value. Default: now. */
  readonly untilMs?: number
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly signal?: AbortSignal
}

const answerForm = z.array(
  z.object({ target: z.string(), datapoints: z.array(z.tuple([z.number().nullable(), z.number()])) }),
)

/** Asks Graphite's render API. Rejects with an error that says what is wrong with the answer, or that there is none. */
export const renderGraphite = async (options: RenderOptions): Promise<Rendered> => {
  const { url, targets, fromMs, untilMs, ...bounds } = options
  const query = new URLSearchParams({ format: 'json', from: String(Math.floor(fromMs / 1000)) })
  if (untilMs !== undefined) query.set('until', String(Math.ceil(untilMs / 1000)))
  for (const target of targets) query.append('target', target)
  const { text } = await fetchBounded(`${url.replace(/\/$/, '')}/render`, { ...bounds, form: query })
  return rendered(answerOf(text))
}

const answerOf = (text: string): z.output<typeof answerForm> => {
  // Python writes what JSON does not know; a value that is no number is none.
  const value: unknown = JSON.parse(text.replaceAll(/(?<=[[,]\s*)(?:NaN|-?Infinity)(?=\s*,)/g, 'null'))
  const checked = answerForm.safeParse(value)
  if (!checked.success) throw new Error('the answer is not that of /render?format=json')
  return checked.data
}

const rendered = (answer: z.output<typeof answerForm>): Rendered => {
  const series: RenderedSeries[] = []
  const refused: Refused[] = []
  for (const { target, datapoints } of answer) {
    const named = nameOf(target)
    if (typeof named === 'string') {
      refused.push(refuse(named, target))
      continue
    }
    const points = datapoints.flatMap(([value, time]) =>
      value === null || Math.abs(value) > sampleLimits.maxAbsoluteValue ? [] : [{ timeMs: time * 1000, value }],
    )
    series.push({ ...named, points })
  }
  return { series, refused }
}

/** `name;tag=value;...`, as Graphite names tagged series. */
const nameOf = (target: string): Pick<RenderedSeries, 'name' | 'tags'> | Malformed => {
  const [name = '', ...pairs] = target.split(';')
  if (!isName(name)) return 'bad-name'
  const tags = boundedTags(
    pairs.map((pair) => [pair.slice(0, Math.max(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1)]),
  )
  return typeof tags === 'string' ? tags : { name, tags }
}
