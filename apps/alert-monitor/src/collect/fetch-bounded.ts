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

/**
 * The text of an answer of HTTP, decompressed. A redirect is not followed: who may answer must not choose who is asked. Rejects with an error that
 * says why there is none.
 */
export const fetchBounded = async (url: string, options: FetchOptions): Promise<string> => {
  const { timeoutMs, maxAnswerBytes, headers = {}, form, signal } = options
  const timeout = AbortSignal.timeout(timeoutMs)
  const signals = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  try {
    const response = await fetch(url, {
      ...(form !== undefined && { method: 'POST', body: form }),
      headers,
      redirect: 'manual',
      signal: signals,
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(
        `it answered ${response.status}${response.status >= 300 && response.status < 400 ? ', a redirect' : ''}`,
      )
    }
    return await textOf(response, maxAnswerBytes)
  } catch (cause) {
    const { origin, pathname } = new URL(url)
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
