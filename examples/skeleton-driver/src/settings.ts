import type { HostPort } from '@armature/async/host-port'
import { MessagingUrlError } from '@armature/messaging/errors'
import { parseBrokerUrl, type BrokerUrl } from '@armature/messaging-kit/broker-url'

export const scheme = 'skeleton'

const shape = { schemes: [scheme], defaultPort: 4000, options: { maxMessageBytes: 'integer' } } as const
const defaultMaxMessageBytes = 1024 * 1024

/** The settings of a URL. */
export interface SkeletonSettings extends Pick<BrokerUrl, 'publishWaitMs' | 'connectWaitMs' | 'closeWaitMs'> {
  readonly address: HostPort
  /** The bound of one body. */
  readonly maxMessageBytes: number
}

/** Reads `skeleton://host:port?option=value`. Throws MessagingUrlError. */
export const skeletonSettings = (url: string): SkeletonSettings => {
  const { hosts, user, password, passwordFile, path, tls, options, ...waits } = parseBrokerUrl(url, shape)
  const fail = (problem: string): never => {
    throw new MessagingUrlError(`the ${scheme}: URL ${problem}`)
  }
  const [address, ...others] = hosts
  if (address === undefined || others.length > 0) return fail(`names ${hosts.length} hosts: name one`)
  if (path !== '') return fail('has a path: leave it out')
  if (tls !== undefined) return fail('asks for TLS, which this driver does not speak: take it out')
  if ([user, password, passwordFile].some((each) => each !== undefined))
    return fail('has credentials, which this driver does not send: take them out')
  const maxMessageBytes = Number(options.maxMessageBytes ?? defaultMaxMessageBytes)
  if (maxMessageBytes < 1) return fail('has a maxMessageBytes of 0: give 1 or more')
  const { publishWaitMs, connectWaitMs, closeWaitMs } = waits
  return { address, maxMessageBytes, publishWaitMs, connectWaitMs, closeWaitMs }
}
