import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { systemClock } from '@armature/async/clock'
import { SubscribeError } from '@armature/messaging/errors'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees, Subscription } from '@armature/messaging/ports'
import { redisUrl, wholeOption } from './settings.ts'
import { streamsBrowser } from './streams-browser.ts'
import { atMost } from './streams-close.ts'
import { readerPrefix, scheme, streamsLink, type StreamsLink } from './streams-connection.ts'
import { joinGroup } from './streams-member.ts'
import { streamsPublisher } from './streams-publisher.ts'
import { readAlone } from './streams-reader.ts'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

/** Where the server keeps what it holds over a restart. */
export const redisStreamsGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'topic',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

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

/**
 * A client of a Redis server's streams: `redis-streams://user:password@host:port/database`. At least once where the server keeps what it holds
 * (`appendonly yes`); else it warns and declares less. Rejects with MessagingUrlError for a bad URL and ConnectError where the server
 * cannot be used.
 */
export const openRedisStreams = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { address, settings } = await redisUrl(url, shape)
  const { publishWaitMs, connectWaitMs, closeWaitMs } = settings
  const claimIdleMs = wholeOption(settings, 'claimIdleMs', 15_000, 100)
  const maxMessages = wholeOption(settings, 'maxMessages', 1_000_000, 1)
  const maxMessageBytes = wholeOption(settings, 'maxMessageBytes', 1024 * 1024, 1)
  const {
    source = '/armature',
    warn = (problem: string) => process.emitWarning(problem),
    clock = systemClock(),
  } = options
  const link = streamsLink({ address, prefix: settings.options.prefix ?? 'armature:' })
  const open = new Set<Subscription>()
  let closing: Promise<void> | undefined

  let atLeastOnce: boolean
  try {
    await link.connected(connectWaitMs)
    atLeastOnce = settings.options.appendonly === 'true' || (await isDurable(link, warn))
  } catch (error) {
    link.close()
    throw error
  }
  const publisher = streamsPublisher({ link, source, maxMessageBytes, maxMessages, publishWaitMs })

  const subscribe: Driver['subscribe'] = async (pattern, handle, given = {}) => {
    if (closing !== undefined) throw new SubscribeError(pattern, 'the connection is closed')
    try {
      checkPattern(pattern)
    } catch (error) {
      throw new SubscribeError(pattern, (error as Error).message, error)
    }
    const checked = subscribeSettings(pattern, given)
    const { group } = given
    if (group?.startsWith(readerPrefix) === true || group?.includes('\n') === true) {
      throw new SubscribeError(
        pattern,
        `the group ${JSON.stringify(group)} has a name of the driver's own: choose another`,
      )
    }
    const onClose = (subscription: Subscription) => void open.delete(subscription)
    const parts = { link, pattern, handle, settings: checked, clock, claimIdleMs, closeWaitMs, warn, onClose }
    try {
      await link.connected(connectWaitMs)
      const subscription = await (group === undefined ? readAlone(parts) : joinGroup(parts, group))
      open.add(subscription)
      return subscription
    } catch (error) {
      throw new SubscribeError(pattern, (error as Error).message, error)
    }
  }

  const watch = watchBroker({ clock: options.clock, probe: link.ping })

  const close = async () => {
    watch.stop()
    const closed = Promise.all([publisher.close(), ...[...open].map((subscription) => subscription.close())])
    await atMost(closeWaitMs, closed)
    link.close()
    await closed.catch(() => undefined)
  }

  return {
    scheme,
    guarantees: { ...redisStreamsGuarantees, atLeastOnce },
    publish: publisher.publish,
    subscribe,
    browser: streamsBrowser(link, connectWaitMs),
    health: () => ({ lostMs: watch.lostMs, unreadable: [] }),
    close: () => (closing ??= close()),
  }
}

/** Whether the server keeps over a restart what it holds, and evicts nothing of it. */
const isDurable = async (link: StreamsLink, warn: (problem: string) => void): Promise<boolean> => {
  const problem = await problemOf(link)
  if (problem === undefined) return true
  warn(`${scheme}: messages may be lost, so the driver does not declare at least once: ${problem}`)
  return false
}

const problemOf = async (link: StreamsLink): Promise<string | undefined> => {
  const setting = async (name: string) => (await link.send<string[]>(['CONFIG', 'GET', name]))[1]
  try {
    if ((await setting('appendonly')) !== 'yes') return 'the server has appendonly no: set it to yes'
    const policy = await setting('maxmemory-policy')
    if (policy?.startsWith('allkeys-') === true && (await setting('maxmemory')) !== '0') {
      return `the server evicts what it likes (maxmemory-policy ${policy}): set it to noeviction`
    }
    return undefined
  } catch {
    return 'the server does not tell (CONFIG GET): if it has appendonly yes, say so by appendonly=true in the URL'
  }
}
