import { redactUrl } from '@armature/config/redact'
import { DiscoveryError } from './ports.ts'

const maxReasonCharacters = 200

/** The error of a failed request. It says what was asked where, the reason, and what to do. Its `cause` is the client's own error. */
export const consulError = (what: string, address: string, cause: unknown): DiscoveryError => {
  if (cause instanceof DiscoveryError) return cause
  const { status, reason } = readingOf(cause)
  return new DiscoveryError(`${what}: Consul at ${address} ${reason}. ${fixOf(status, reason)}`, { cause })
}

const readingOf = (cause: unknown): { status: number | undefined; reason: string } => {
  const { response, code, message } = cause as {
    response?: { statusCode?: number; body?: unknown }
    code?: string
    message?: string
  }
  if (response === undefined)
    return { status: undefined, reason: redactUrl(reasons[code ?? ''] ?? `failed: ${message ?? String(cause)}`) }
  const { statusCode = 0, body } = response
  if (statusCode === 200) return { status: statusCode, reason: `answered what cannot be read (${message})` }
  const text = typeof body === 'string' ? body.trim() : ''
  const more = text === '' ? '' : ` (${redactUrl(text).slice(0, maxReasonCharacters)})`
  return { status: statusCode, reason: `answered ${statusCode}${more}` }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is not there: the connection was refused',
  ENOTFOUND: 'has a name that cannot be found',
  EAI_AGAIN: 'has a name that cannot be found now',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ECONNRESET: 'closed the connection',
}

const fixOf = (status: number | undefined, reason: string): string => {
  if (status === 403) return 'Give CONSUL_HTTP_TOKEN_FILE a token whose policy allows it (service, node or key rules)'
  if (status === 400 || status === 200)
    return 'Check that CONSUL_HTTP_ADDR names an agent, with the right scheme (https: for a port with TLS)'
  if (status !== undefined) return "It is tried again; the agent's log says more"
  if (/certificate|self.signed|altname|issuer|ssl|tls|EPROTO/i.test(reason))
    return 'Check CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY and CONSUL_TLS_SERVER_NAME'
  return 'Start an agent there, or let CONSUL_HTTP_ADDR name another one'
}
