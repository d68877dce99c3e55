import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { withoutCredentials } from '@armature/async/url-credentials'
import { wait } from '@armature/async/wait'
import type { LookupFunction } from 'node:net'
import { type Dispatcher, request as send } from 'undici'
import { AddressRefusedError, createGuardedAgent } from './guarded-agent.ts'
import { createAllowsAddress } from './private-address.ts'
import { retryAfterMs } from './retry-after.ts'
import { createSign, type Sign } from './signature.ts'

export interface WebhookOptions {
  /** http: or https:; a user and password in it are sent as basic authentication. Never logged, nor is its path. */
  readonly url: string
  /** Sent as `Authorization: Bearer`; before a user and password in the URL. */
  readonly token?: string | undefined
  /** Signs each request: `createSign` says what it may be. Default: no signature. */
  readonly signingSecret?: string | undefined
  /** Private networks to which requests may go, in CIDR notation. Default: none. */
  readonly allowNetworks?: readonly string[] | undefined
  /** For one request, answer included. */
  readonly timeoutMs: number
  /** Requests for one `post` at most, the first among them. */
  readonly attempts: number
  readonly clock: Clock
  /** In [0, 1): the jitter. */
  readonly random: () => number
  /** Called after each request. The outcome is a status class (`2xx`), `timeout`, `refused` (a private address) or `unreachable`. */
  readonly onRequest: (outcome: string, durationMs: number) => void
  /** Finds the addresses of a host. Default: the system's. */
  readonly lookup?: LookupFunction
}

/** What is posted. */
export interface WebhookRequest {
  /** Names the request where it is signed: the same whenever the same thing is posted again. */
  readonly id: string
  /** Of the application, such as `content-type`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * Posts. Resolves when the other side answered with 2xx, whatever becomes of the rest of the answer. Rejects with WebhookError; at once with the signal's reason when `signal` is aborted.
 */
export type Webhook = (request: WebhookRequest, signal: AbortSignal) => Promise<void>

/** A request that was not taken. The message holds no credential, and of the URL only its origin. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  /** A short label, such as `webhook-404`. */
  readonly reason: string
  /**
   * Whether the same request may be taken later: the other side could not be reached, did not answer in time, or answered 5xx, 408, 425 or
   * 429, as often as `attempts` allows.
   */
  readonly retryable: boolean

  constructor(problem: string, { reason, retryable, cause }: Omit<Failure, 'problem'> & { cause?: unknown }) {
    super(problem, cause === undefined ? undefined : { cause })
    this.reason = reason
    this.retryable = retryable
  }
}

const firstDelayMs = 200
const longestDelayMs = 10_000
/** A longer Retry-After is cut to this. */
export const longestRetryAfterMs = 60_000
const maxRedirects = 3
/** An answer's body is read to here, so that the connection can be used again. */
const maxAnswerBytes = 65_536

/** How long a `post` may take in all. */
export const longestDeliveryMs = ({ timeoutMs, attempts }: Pick<WebhookOptions, 'timeoutMs' | 'attempts'>): number =>
  attempts * timeoutMs + (attempts - 1) * longestRetryAfterMs

/** Opens nothing yet. Throws TypeError for a bad URL, secret or network. */
export const createWebhook = (options: WebhookOptions): Webhook => {
  const { attempts, clock, random, signingSecret, allowNetworks, timeoutMs, lookup } = options
  const { url, origin, authorization } = readTarget(options)
  const sign = signingSecret === undefined ? undefined : createSign(signingSecret)
  const agent = createGuardedAgent({
    allows: createAllowsAddress(allowNetworks),
    connectTimeoutMs: timeoutMs,
    lookup,
  })

  return async ({ id, headers: given, body }, signal) => {
    const headers = headersOf(given, authorization)
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      const signed = signedHeaders(sign, { id, timeMs: clock.now(), body })
      const failure = await post(options, { url, agent, headers: { ...headers, ...signed }, body, signal })
      if (failure === undefined) return
      const problem = `the webhook at ${origin} ${failure.problem}`
      if (!failure.retryable) throw new WebhookError(problem, failure)
      if (attempt >= attempts) throw new WebhookError(`${problem}, ${attempts} times`, failure)
      const delayMs = failure.retryAfterMs ?? backoffMs(firstDelayMs, longestDelayMs, attempt, random)
      await wait(clock, Math.ceil(delayMs), signal)
    }
  }
}

interface Failure {
  readonly retryable: boolean
  readonly reason: string
  readonly problem: string
  readonly retryAfterMs?: number | undefined
}

interface Attempt {
  readonly url: URL
  readonly agent: Dispatcher
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

/** Undefined when the other side took it. */
const post = async (options: WebhookOptions, attempt: Attempt): Promise<Failure | undefined> => {
  const { timeoutMs, clock, onRequest } = options
  const timing = new AbortController()
  const cancel = clock.after(timeoutMs, () => timing.abort())
  const startedMs = performance.now()
  const failed = (outcome: 'timeout' | 'refused' | 'unreachable', problem: string): Failure => {
    onRequest(outcome, performance.now() - startedMs)
    return { retryable: true, reason: `webhook-${outcome}`, problem }
  }
  try {
    const answer = await followed({ ...attempt, signal: AbortSignal.any([attempt.signal, timing.signal]) })
    onRequest(`${Math.floor(answer.statusCode / 100)}xx`, performance.now() - startedMs)
    return failureOf(answer, clock.now())
  } catch (error) {
    attempt.signal.throwIfAborted()
    if (timing.signal.aborted) return failed('timeout', `did not answer within ${timeoutMs} ms`)
    if (error instanceof AddressRefusedError) {
      return failed('refused', `has the private address ${error.address}: allow its network, or give a public URL`)
    }
    return failed('unreachable', `cannot be reached (${codeOf(error)})`)
  } finally {
    cancel()
  }
}

type Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>

/** Follows 307 and 308, which keep method and body, on the same origin only. */
const followed = async ({ url: first, agent, headers, body, signal }: Attempt): Promise<Answer> => {
  let url = first
  for (let redirects = 0; ; redirects += 1) {
    const answer = await send(url, { method: 'POST', dispatcher: agent, headers, body, signal })
    // The status has said how the other side took it, also where the rest is cut off.
    await readSome(answer.body).catch(() => undefined)
    const location = headerOf(answer, 'location')
    const keepsMethod = answer.statusCode === 307 || answer.statusCode === 308
    if (!keepsMethod || location === null || redirects >= maxRedirects) return answer
    const next = URL.parse(location, url.href)
    if (next === null || next.origin !== first.origin) return answer
    url = next
  }
}

const headerOf = ({ headers }: Answer, name: string): string | null => {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

const failureOf = (answer: Answer, nowMs: number): Failure | undefined => {
  const { statusCode: status } = answer
  if (status >= 200 && status < 300) return undefined
  const problem =
    status >= 300 && status < 400 ? `answered ${status}: redirects elsewhere are not followed` : `answered ${status}`
  const retryable = status >= 500 || status === 408 || status === 425 || status === 429
  const waitMs = retryAfterMs(headerOf(answer, 'retry-after'), nowMs)
  return {
    retryable,
    reason: `webhook-${status}`,
    problem,
    retryAfterMs: waitMs === undefined ? undefined : Math.min(waitMs, longestRetryAfterMs),
  }
}

const readSome = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
  let bytes = 0
  // Leaving the loop early closes the connection.
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) break
  }
}

const headersOf = (given: Readonly<Record<string, string>>, authorization: string | undefined) =>
  checked(authorization === undefined ? given : { ...given, authorization })

const signedHeaders = (sign: Sign | undefined, signed: Parameters<Sign>[0]) =>
  sign === undefined ? {} : checked(sign(signed))

const checked = (headers: Readonly<Record<string, string>>): Record<string, string> => {
  try {
    return Object.fromEntries(new Headers(headers))
  } catch (cause) {
    throw new WebhookError('a header of the request cannot be sent by HTTP', {
      reason: 'bad-header',
      retryable: false,
      cause,
    })
  }
}

/** The token comes before the credentials of the URL. */
const readTarget = ({ url: text, token }: WebhookOptions) => {
  const { url, basic } = withoutCredentials(text)
  return { url, origin: url.origin, authorization: token === undefined ? basic : `Bearer ${token}` }
}

/** `ECONNREFUSED` and the like: the message of a network error may hold the URL. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'network error'
