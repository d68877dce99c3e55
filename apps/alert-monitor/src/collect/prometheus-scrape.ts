import { fetchBounded } from './fetch-bounded.ts'
import { parseExposition } from './prometheus-text.ts'
import type { Parsed, Sample } from './sample.ts'

export interface ScrapeOptions {
  /** `http://HOST:PORT/metrics` */
  readonly url: string
  /** The tag `instance`. */
  readonly instance: string
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly signal: AbortSignal
}

const accept = 'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5'

/** What a service exposes for Prometheus, with the tag `instance` as Prometheus adds it. Rejects where it does not answer so. */
export const scrape = async ({ url, instance, ...bounds }: ScrapeOptions): Promise<Parsed> => {
  const { text, contentType } = await fetchBounded(url, { ...bounds, headers: { accept } })
  if (contentType !== 'application/openmetrics-text' && contentType !== 'text/plain' && contentType !== '')
    throw new Error(`${new URL(url).origin}: the answer is ${contentType}, not text for Prometheus`)
  return parseExposition(text, {
    openMetrics: contentType === 'application/openmetrics-text',
    tags: { instance },
  })
}

/** The gauge `up` of Prometheus: 1 where the scrape was good. */
export const upSample = (instance: string, isUp: boolean): Sample => ({
  name: 'up',
  type: 'gauge',
  value: Number(isUp),
  weight: 1,
  relative: false,
  tags: { instance },
})

/**
 * Each address with its tag `instance`: host and port, as Prometheus has it. Where addresses share them, path and query follow, so that
 * their series are told apart. Of addresses that are the same one is there.
 */
export const instancesOf = (urls: readonly string[]): ReadonlyMap<string, string> => {
  const urlOf = new Map<string, string>()
  for (const url of urls) if (!urlOf.has(pageOf(url))) urlOf.set(pageOf(url), url)
  const pages = [...urlOf]
  const isShared = (host: string) => pages.filter(([, url]) => hostOf(url) === host).length > 1
  return new Map(pages.map(([page, url]) => [url, isShared(hostOf(url)) ? page : hostOf(url)]))
}

const hostOf = (url: string): string => {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`
}

const pageOf = (url: string): string => {
  const { pathname, search } = new URL(url)
  return `${hostOf(url)}${pathname}${search}`
}
