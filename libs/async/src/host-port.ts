import { isIPv6 } from 'node:net'

export interface HostPort {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** The reason why no `HostPort` can be read from a text. */
export interface HostPortProblem {
  /** Why, and how to write it. It never holds the text, which may be a secret in the wrong place. */
  readonly problem: string
}

export interface ParseHostPortOptions {
  /** For a text without a port. Default: the port must be there. */
  readonly defaultPort?: number
}

const shape = /^(?:\[([^\][]*)\]|([\p{L}\p{M}\p{N}_.-]+))(?::(\d{1,5}))?$/u
const maxPort = 65_535

/** Reads `HOST:PORT`: a name, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535. */
export const parseHostPort = (text: string, { defaultPort }: ParseHostPortOptions = {}): HostPort | HostPortProblem => {
  // It may be meant with or without a port: ::1:5000 is an address as well.
  if (isIPv6(text)) return { problem: 'an IPv6 address needs brackets, as in [::1]:5000' }
  const [matched, ipv6, name, digits] = shape.exec(text) ?? []
  const host = ipv6 ?? name
  if (matched === undefined || host === undefined || (ipv6 !== undefined && !isIPv6(ipv6))) {
    return { problem: 'the host must be a name, an IPv4 address or an IPv6 address in brackets, the port a number' }
  }
  if (digits === undefined && defaultPort === undefined) return { problem: 'the port is missing' }
  const port = Number(digits ?? defaultPort)
  if (port < 1 || port > maxPort) return { problem: `the port ${port} is not from 1 to ${maxPort}` }
  return { host, port }
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export const formatHostPort = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
