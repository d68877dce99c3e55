import * as z from 'zod'
import { httpJson } from './http-json.ts'

const answerForm = z.object({
  hits: z.object({
    total: z.object({ value: z.number() }),
    hits: z.array(z.object({ _index: z.string() })),
  }),
})

/** What a log line must hold, by field of its JSON: `{ requestId: '...' }`. */
export type LineFields = Readonly<Record<string, string>>

/** The index in which a log line with these fields is. Undefined when there is none yet. */
export const findLogLine = async (
  sinkUrl: string,
  fields: LineFields,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const url = searchUrl(sinkUrl)
  const terms = Object.entries(fields).map(([name, value]) => `body.${name}:${JSON.stringify(value)}`)
  url.search = new URLSearchParams({
    q: terms.join(' AND '),
    size: '1',
    ignore_unavailable: 'true',
    allow_no_indices: 'true',
  }).toString()
  const { hits } = answerForm.parse(await httpJson(url, signal))
  return hits.hits[0]?._index
}

/**
 * The URL to search all indices of a sink, which names its index by a pattern such as `logs-%Y.%m.%d`: what the pattern leaves open is `*`.
 */
export const searchUrl = (sinkUrl: string): URL => {
  // The braces and signs of a pattern are no valid parts of a URL, so they are replaced first.
  const open = sinkUrl.replace(/^opensearch:(?=https?:)/, '').replaceAll(/%[YmdH]|\{[^}]*\}/g, '*')
  const url = new URL(open)
  const index = url.pathname.replaceAll(/^\/+|\/+$/g, '').replaceAll(/\*[-._*]*\*/g, '*')
  url.pathname = `/${index === '' ? '*' : index}/_search`
  return url
}
