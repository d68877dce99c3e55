import { withoutCredentials } from '@armature/async/url-credentials'

export interface FetchOptions {
  /** For the whole answer. */
  readonly timeoutMs: number
  /** A longer answer is refused. */
  readonly maxAnswerBytes: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent by POST. Default: a GET without a body. */
  readonly form?: URLSearchParams
  readonly signal?: AbortSignal
}

export interface Fetched {
  readonly text: string
  /** In small letters, without its parameters: `text/plain`. */
  readonly contentType: string
}

/**
 * The text of an answer of HTTP, decompressed. User and password of the URL are sent as Basic. Redirects are not followed: a server must not
 * choose which one is asked next. Rejects with an error that names the address and says why there is no answer.
 */
export const fetchBounded = async (given: string, options: FetchOptions): Promise<Fetched> => {
  const { timeoutMs, maxAnswerBytes, headers = {}, form, signal } = options
  const { url, basic } = withoutCredentials(given)
  const timeout = AbortSignal.timeout(timeoutMs)
  const signals = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  try {
    const response = await fetch(url, {
      ...(form !== undefined && { method: 'POST', body: form }),
      headers: { ...headers, ...(basic !== undefined && { authorization: basic }) },
      redirect: 'manual',
      signal: signals,
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(
        `it answered ${response.status}${response.status >= 300 && response.status < 400 ? ', a redirect' : ''}`,
      )
    }
    const [contentType = ''] = (response.headers.get('content-type') ?? '').toLowerCase().split(';')
    return { text: await textOf(response, maxAnswerBytes), contentType: contentType.trim() }
  } catch (cause) {
    const { origin, pathname } = url
    throw new Error(
      `${origin}${pathname}: ${timeout.aborted ? `no whole answer within ${timeoutMs} ms` : reasonOf(cause)}`,
      { cause },
    )
  }
}

const textOf = async (response: Response, maxAnswerBytes: number): Promise<string> => {
  const chunks: Uint8Array[] = []
  let length = 0
  const body: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > maxAnswerBytes) throw new Error(`the answer is longer than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `fetch failed` says nothing; its cause does. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error
    ? cause.message || (cause as NodeJS.ErrnoException).code || error.message
    : error.message
}
