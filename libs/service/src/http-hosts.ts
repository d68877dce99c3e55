import { isIP } from 'node:net'
import { parseHostPort } from '@armature/async/host-port'

/** The host of `HOST` or `HOST:PORT` in lower case, of IPv6 without its brackets. Undefined where it is neither. */
export const hostOf = (authority: string): string | undefined => {
  const place = parseHostPort(authority, { defaultPort: 80 })
  return 'problem' in place ? undefined : place.host.toLowerCase()
}

/**
 * Whether a server may answer a request for this host: any IP address, `localhost`, and `names`. Another name may belong to a page of
 * another site that points its own name at this server (DNS rebinding), to read what a browser would otherwise keep from it.
 */
export const isDirectHost =
  (names: readonly string[]) =>
  (host: string): boolean =>
    isIP(host) !== 0 || host === 'localhost' || names.some((name) => name.toLowerCase() === host)

/** Returns true for `localhost` and the loopback addresses: for servers that listen on those alone. */
export const isLoopbackHost = (host: string): boolean => ['127.0.0.1', '::1', 'localhost'].includes(host)
