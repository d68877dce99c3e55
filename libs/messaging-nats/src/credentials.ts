import { readFileSync } from 'node:fs'
import { checkServerIdentity } from 'node:tls'
import { credsAuthenticator, nkeyAuthenticator, type Authenticator, type ConnectionOptions } from '@nats-io/nats-core'
import { fileOf, passwordOf, tlsOptions } from '@armature/messaging-kit/broker-url'
import { ConnectError, MessagingUrlError } from '@armature/messaging/errors'
import type { NatsUrl } from './settings.ts'

/** Files are read again for each connection, so that a rotated certificate counts from the next one on. */
export const tlsOf = async (url: NatsUrl): Promise<Pick<ConnectionOptions, 'tls'>> => {
  const checked = await tlsOptions(url)
  if (checked === undefined || url.tls === undefined) return {}
  const { ca, cert, key, serverName } = url.tls
  const names = serverName === undefined ? url.hosts.map(({ host }) => host) : [serverName]
  const tls = {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    // The client gives no name for an IP address, which Node would check as `localhost`.
    checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) => {
      const problems = names.map((name) => checkServerIdentity(name, certificate))
      return problems.includes(undefined) ? undefined : problems[0]
    },
  }
  return { tls }
}

/** The credentials of the URL. Rejects with MessagingUrlError where it names two, and with ConnectError where a file holds none. */
export const credentialsOf = async (url: NatsUrl): Promise<ConnectionOptions> => {
  const { token, creds, nkey } = url.options
  const ways = [token, creds, nkey, url.user].filter((way) => way !== undefined)
  if (ways.length > 1) {
    throw new MessagingUrlError(`the ${url.scheme}: URL says twice who connects: give one of user, token, creds, nkey`)
  }
  if (token !== undefined) return { token }
  const checked = (authenticator: Authenticator): ConnectionOptions => {
    try {
      authenticator('nonce')
    } catch (cause) {
      throw new ConnectError('credentials', `${url.scheme}: the file of creds or nkey holds none: check it`, { cause })
    }
    return { authenticator }
  }
  if (creds !== undefined) {
    await fileOf(url.scheme, 'creds', creds)
    return checked((nonce) => credsAuthenticator(readFileSync(creds))(nonce))
  }
  if (nkey !== undefined) {
    await fileOf(url.scheme, 'nkey', nkey)
    return checked((nonce) => nkeyAuthenticator(seedIn(readFileSync(nkey, 'utf8')))(nonce))
  }
  const { user, passwordFile } = url
  if (user === undefined) return {}
  const password = await passwordOf(url)
  const current = () =>
    passwordFile === undefined ? password : readFileSync(passwordFile, 'utf8').split(/\r?\n/, 1)[0]
  return { authenticator: () => ({ user, pass: current() ?? '' }) }
}

/** Comments and blank lines may be around the seed. */
const seedIn = (text: string): Uint8Array => Buffer.from(/^S[A-Z2-7]+$/m.exec(text)?.[0] ?? text.trim())
