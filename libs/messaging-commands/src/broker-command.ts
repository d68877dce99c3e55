import { messagingSettings } from '@armature/config/common'
import { MessagingUrlError, PublishError, SubscribeError, TopicError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { isInProcess } from '@armature/messaging/broker-in-words'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import type { CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

/** Opens the driver of a URL: `openDriver` of libs/messaging, or the one of a single driver. */
export type Open = (
  url: string,
  options: { readonly source: string; readonly warn: (problem: string) => void },
) => Promise<Driver>

/** The program that has the commands. */
export interface Program {
  /** The name as it is typed. */
  readonly name: string
  /** The CloudEvents `source` of what it publishes: a URI reference. */
  readonly source: string
  readonly open: Open
  /** The flag that names the broker. Default `--url`. */
  readonly urlFlag?: string
}

/** The setting of each command that speaks to a broker. */
export const brokerSettings = { messagingUrl: messagingSettings.messagingUrl.meta({ flag: 'url' }) }

/**
 * Does the work on the broker of the URL and closes the connection after it. Rejects with ServiceError: 64 for `memory:`, which another
 * process cannot reach, for an invalid topic and for a message that the broker never takes; 78 for an invalid URL; 69 for a broker that is
 * away.
 */
export const withDriver = async (
  { open, source, urlFlag = '--url' }: Program,
  url: string,
  { stderr }: Pick<CommandIo, 'stderr'>,
  work: (driver: Driver) => Promise<number>,
): Promise<number> => {
  if (isInProcess(url)) {
    throw new ServiceError(
      'the messaging URL is memory:, which reaches one process only, and this command is a process of its own',
      { exitCode: exitCodes.usage, fix: `Set MESSAGING_URL or ${urlFlag} to the URL of a broker` },
    )
  }
  let driver: Driver | undefined
  try {
    driver = await open(url, { source, warn: (problem) => void stderr.write(`${problem}\n`) })
    return await work(driver)
  } catch (error) {
    throw withExitCode(error)
  } finally {
    await driver?.close()
  }
}

/** The same with the broker's browser. Rejects with ServiceError (64) for a broker that keeps no messages. */
export const withBrowser = (
  program: Program,
  url: string,
  io: Pick<CommandIo, 'stderr'>,
  work: (driver: Driver, browser: TopicBrowser) => Promise<number>,
): Promise<number> =>
  withDriver(program, url, io, async (driver) => {
    if (driver.browser !== undefined) return work(driver, driver.browser)
    throw new ServiceError(`a ${driver.scheme}: broker keeps no messages, and so no dead letters`, {
      exitCode: exitCodes.usage,
      fix: 'Name a broker that keeps them, such as kafka:, amqp:, jetstream: or redis-streams:',
    })
  })

const withExitCode = (error: unknown): unknown => {
  const exitCode = exitCodeFor(error)
  return exitCode === undefined ? error : new ServiceError((error as Error).message, { exitCode, cause: error })
}

const exitCodeFor = (error: unknown): number | undefined => {
  if (error instanceof MessagingUrlError) return exitCodes.config
  if (error instanceof TopicError) return exitCodes.usage
  if (error instanceof SubscribeError) return exitCodes.unavailable
  if (!(error instanceof PublishError)) return undefined
  return error.retryable || error.fault === 'closed' ? exitCodes.unavailable : exitCodes.usage
}

/** A fault in what was asked for. */
export const usageError = (message: string, fix: string): ServiceError =>
  new ServiceError(message, { exitCode: exitCodes.usage, fix })
