import type { BrokerUrl } from '@armature/messaging-kit/broker-url'
import { redisUrl, wholeOption, type RedisAddress } from './settings.ts'

const shape = {
  schemes: ['redis-streams'],
  defaultPort: 6379,
  options: {
    prefix: 'text',
    maxMessages: 'integer',
    maxMessageBytes: 'integer',
    claimIdleMs: 'integer',
    appendonly: 'toggle',
  },
} as const

/** The settings of a `redis-streams:` URL. */
export interface StreamsSettings extends Pick<BrokerUrl<never>, 'publishWaitMs' | 'connectWaitMs' | 'closeWaitMs'> {
  readonly address: RedisAddress
  /** All keys on the server begin with it. */
  readonly prefix: string
  /** The bound of one stream. */
  readonly maxMessages: number
  /** The bound of one body. */
  readonly maxMessageBytes: number
  /** How long an entry is pending without a renewal before another consumer claims it. The lease of a topic is as long. */
  readonly claimIdleMs: number
  /** The operator vouches that the server keeps its data over a restart. */
  readonly isVouchedDurable: boolean
}

/** Reads the URL and the files that it names. Throws MessagingUrlError. */
export const streamsSettings = async (url: string): Promise<StreamsSettings> => {
  const { address, settings } = await redisUrl(url, shape)
  const { publishWaitMs, connectWaitMs, closeWaitMs, options } = settings
  return {
    ...{ address, publishWaitMs, connectWaitMs, closeWaitMs },
    prefix: options.prefix ?? 'armature:',
    maxMessages: wholeOption(settings, 'maxMessages', 1_000_000, 1),
    maxMessageBytes: wholeOption(settings, 'maxMessageBytes', 1024 * 1024, 1),
    claimIdleMs: wholeOption(settings, 'claimIdleMs', 15_000, 100),
    isVouchedDurable: options.appendonly === 'true',
  }
}
