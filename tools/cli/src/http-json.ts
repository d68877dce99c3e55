import { withoutCredentials } from '@armature/async/url-credentials'

const requestTimeoutMs = 5_000
const maxSaidCharacters = 200

/**
 * The JSON that a GET of the URL answers. Credentials in the URL are sent as basic authentication. Rejects with an Error that names the
 * host and what it answered, never the credentials.
 */
export const httpJson = async (address: URL, signal: AbortSignal): Promise<unknown> => {
  const { url, basic } = withoutCredentials(address)
  const { host } = url
  const response = await fetch(url, {
    headers: { accept: 'application/json', ...(basic !== undefined && { authorization: basic }) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
  }).catch((error: unknown) => {
    throw new Error(`${host} cannot be asked`, { cause: error })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${host} answers ${response.status}: ${text.slice(0, maxSaidCharacters)}`)
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${host} answers no JSON: ${text.slice(0, maxSaidCharacters)}`)
  }
}
