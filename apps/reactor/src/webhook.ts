import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { wait } from '@armature/async/wait'
import { retryAfterMs } from './retry-after.ts'

export interface WebhookOptions {
  /** http: or https:; a user and password in it are sent as basic authentication. Never logged, nor is its path. */
  readonly url: string
  /** Sent as `Authorization: Bearer`; before a user and password in the URL. */
  readonly token?: string | undefined
  /** For one request, answer included. */
  readonly timeoutMs: number
  /** Requests for one message at most, the first among them. */
  readonly attempts: number
  readonly clock: Clock
  /** In [0, 1): the jitter. */
  readonly random: () => number
  /** Called after each request. The outcome is a status class (`2xx`), `timeout` or `unreachable`. */
  readonly onRequest: (outcome: string, durationMs: number) => void
}

/**
 * Posts a message as an HTTP CloudEvent in binary mode. Resolves when the other side answered with 2xx. Rejects with
 * UnrecoverableError when it will not take the message (4xx, a redirect elsewhere), with another error when it could not be reached, answered
 * 5xx, 408, 425 or 429, or did not answer in time, as often as allowed. Rejects at once when `signal` is aborted.
 */
export type Webhook = (message: Message, signal: AbortSignal) => Promise<void>

const firstDelayMs = 200
const longestDelayMs = 10_000
/** A longer Retry-After is cut to this. */
export const longestRetryAfterMs = 60_000
const maxRedirects = 3
/** An answer's body is read to here, so that the connection can be used again. */
const maxAnswerBytes = 65_536

/** How long a delivery may take in all. */
export const longestDeliveryMs = ({ timeoutMs, attempts }: Pick<WebhookOptions, 'timeoutMs' | 'attempts'>): number =>
  attempts * timeoutMs + (attempts - 1) * longestRetryAfterMs

/** Opens nothing yet. Throws TypeError for a bad URL. */
export const createWebhook = (options: WebhookOptions): Webhook => {
  const { attempts, clock, random } = options
  const target = readTarget(options)

  return async (message, signal) => {
    const headers = headersOf(message, target.authorization)
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      const answer = await post(options, target.url, { headers, body: message.body, signal })
      if (answer.ok) return
      if (!answer.retryable)
        throw new UnrecoverableError(answer.reason, `the webhook at ${target.origin} ${answer.problem}`)
      if (attempt >= attempts) throw new Error(`the webhook at ${target.origin} ${answer.problem}, ${attempts} times`)
      const delayMs = answer.retryAfterMs ?? backoffMs(firstDelayMs, longestDelayMs, attempt, random)
      await wait(clock, Math.ceil(delayMs), signal)
    }
  }
}

type Answer =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly retryable: boolean
      readonly reason: string
      readonly problem: string
      readonly retryAfterMs?: number | undefined
    }

interface Request {
  readonly headers: Headers
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

const post = async (options: WebhookOptions, url: URL, request: Request): Promise<Answer> => {
  const { timeoutMs, clock, onRequest } = options
  const timing = new AbortController()
  const cancel = clock.after(timeoutMs, () => timing.abort())
  const startedMs = performance.now()
  const told = (outcome: string) => onRequest(outcome, performance.now() - startedMs)
  try {
    const response = await followed(url, { ...request, signal: AbortSignal.any([request.signal, timing.signal]) })
    told(`${Math.floor(response.status / 100)}xx`)
    return answerOf(response, clock.now())
  } catch (error) {
    request.signal.throwIfAborted()
    if (timing.signal.aborted) {
      told('timeout')
      return { ok: false, retryable: true, reason: 'webhook-timeout', problem: `did not answer within ${timeoutMs} ms` }
    }
    told('unreachable')
    return {
      ok: false,
      retryable: true,
      reason: 'webhook-unreachable',
      problem: `cannot be reached (${codeOf(error)})`,
    }
  } finally {
    cancel()
  }
}

/** Follows 307 and 308, which keep method and body, on the same origin only. */
const followed = async (first: URL, { headers, body, signal }: Request): Promise<Response> => {
  let url = first
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: body as Uint8Array<ArrayBuffer>,
      signal,
      redirect: 'manual',
    })
    await readSome(response)
    const location = response.headers.get('location')
    if ((response.status !== 307 && response.status !== 308) || location === null || redirects >= maxRedirects)
      return response
    const next = URL.parse(location, url.href)
    if (next === null || next.origin !== first.origin) return response
    url = next
  }
}

const answerOf = ({ status, headers }: Response, nowMs: number): Answer => {
  if (status >= 200 && status < 300) return { ok: true }
  const problem =
    status >= 300 && status < 400 ? `answered ${status}: redirects elsewhere are not followed` : `answered ${status}`
  const retryable = status >= 500 || status === 408 || status === 425 || status === 429
  const waitMs = retryAfterMs(headers.get('retry-after'), nowMs)
  return {
    ok: false,
    retryable,
    reason: `webhook-${status}`,
    problem,
    retryAfterMs: waitMs === undefined ? undefined : Math.min(waitMs, longestRetryAfterMs),
  }
}

const readSome = async ({ body }: Response): Promise<void> => {
  let bytes = 0
  // Leaving the loop early closes the connection.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) break
  }
}

/**
 * Only the attributes go out: no other header of a message can set `content-length` or the like. An extension named
 * `authorization` goes out as `ce-authorization`.
 */
const headersOf = (message: Message, authorization: string | undefined): Headers => {
  try {
    const { headers } = encodeBinary(message, { style: 'http', source: '/armature/reactor' })
    const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-') || name === 'content-type')
    return new Headers(authorization === undefined ? attributes : [...attributes, ['authorization', authorization]])
  } catch (error) {
    throw new UnrecoverableError('bad-header', 'the message has a header that HTTP cannot carry', { cause: error })
  }
}

/** fetch refuses a URL with credentials. */
const readTarget = ({ url: text, token }: WebhookOptions) => {
  const url = new URL(text)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const pair = `${decoded(username)}:${decoded(password)}`
  const basic = username === '' && password === '' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`
  return { url, origin: url.origin, authorization: token === undefined ? basic : `Bearer ${token}` }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `ECONNREFUSED` and the like: the message of a network error may hold the URL. */
const codeOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : 'network error'
}
