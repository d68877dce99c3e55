import { url } from '@armature/config/settings'
import { usageError } from '@armature/messaging-commands/broker-command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

/** The setting of each command that asks the API. */
export const apiSettings = {
  apiUrl: url(['http', 'https'])
    .default('http://127.0.0.1:9093')
    .meta({ description: "Alertmanager's API of a monitor (its --api-port)", flag: 'url', env: 'ALERTMANAGER_URL' }),
}

/** The API of a monitor, or of an Alertmanager. */
export interface ApiClient {
  get(path: string, parameters?: readonly (readonly [string, string])[]): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  remove(path: string): Promise<unknown>
}

const limitMs = 10_000
const fix = 'Start the monitor with --api-port, and name its address by --url (env ALERTMANAGER_URL)'

/**
 * Asks the API of the URL. What it refuses rejects with ServiceError, exit code 64; where it cannot be reached, fails, or is something else,
 * with exit code 69.
 */
export const createApiClient = (apiUrl: string, signal: AbortSignal): ApiClient => {
  const base = apiUrl.replace(/\/+$/, '').replace(/\/api\/v2$/, '')
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    let response: Response
    let answer: string
    try {
      response = await fetch(`${base}/api/v2/${path}`, {
        method,
        signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      answer = await response.text()
    } catch (cause) {
      throw unavailable(`the API at ${base} cannot be reached`, cause)
    }
    const value = parsed(answer)
    if (response.ok && value !== undefined) return value
    const problem = typeof value === 'string' ? value : `${response.status} ${response.statusText}`
    if (response.status >= 400 && response.status < 500 && value !== undefined)
      throw usageError(`the API refuses: ${problem}`, 'Correct what was asked for')
    throw unavailable(`the API at ${base} answered ${problem.slice(0, 200)}`)
  }
  return {
    get: (path, parameters = []) => {
      const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString()
      return ask('GET', query === '' ? path : `${path}?${query}`)
    },
    post: (path, body) => ask('POST', path, body),
    remove: (path) => ask('DELETE', path),
  }
}

const unavailable = (problem: string, cause?: unknown): ServiceError =>
  new ServiceError(problem, { exitCode: exitCodes.unavailable, fix, cause })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
