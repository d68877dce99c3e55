import { createHmac } from 'node:crypto'

/** What a signature covers. */
export interface Signed {
  /** Names the request: the same in each attempt. */
  readonly id: string
  /** Of the attempt, since the epoch. */
  readonly timeMs: number
  readonly body: Uint8Array
}

/** The headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. */
export type Sign = (signed: Signed) => Readonly<Record<string, string>>

const prefix = 'whsec_'
const leastKeyBytes = 24
const mostKeyBytes = 64

/**
 * Signs requests as Standard Webhooks 1.0 asks for (https://www.standardwebhooks.com): HMAC-SHA256 of `<id>.<seconds>.<body>`, `v1,` before
 * its Base64. `secrets` are keys of 24 to 64 bytes in Base64, with or without `whsec_`. Several with spaces between them sign each, so that
 * a receiver can change its secret without a gap. Throws TypeError, without the secret, for one that is no such key.
 */
export const createSign = (secrets: string): Sign => {
  const keys = secrets
    .split(' ')
    .filter((secret) => secret !== '')
    .map(keyOf)
  if (keys.length === 0) throw new TypeError('the secret for signatures is empty: give one')
  return ({ id, timeMs, body }) => {
    const timestamp = `${Math.floor(timeMs / 1_000)}`
    const signatures = keys.map((key) => {
      const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
      return `v1,${hmac.digest('base64')}`
    })
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
  }
}

const keyOf = (secret: string): Buffer => {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret
  const key = Buffer.from(text, 'base64')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < leastKeyBytes || key.length > mostKeyBytes) {
    throw new TypeError(
      `a secret for signatures is no Base64 of ${leastKeyBytes} to ${mostKeyBytes} bytes: make one by "openssl rand -base64 32"`,
    )
  }
  return key
}
