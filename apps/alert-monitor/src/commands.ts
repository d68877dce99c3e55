import { once } from 'node:events'
import type { Writable } from 'node:stream'
import * as z from 'zod'
import { messagingSettings } from '@armature/config/common'
import { choice, integer, text } from '@armature/config/settings'
import { MessagingUrlError, PublishError, SubscribeError, TopicError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging/open'
import type { Driver } from '@armature/messaging/ports'
import { isInProcess } from '@armature/messaging/reach'
import { checkPattern, checkTopic } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { listen } from './listen.ts'
import { send } from './send.ts'

const maxCount = 10_000_000

const sendSettings = z.object({
  ...messagingSettings,
  on: text().meta({ description: 'Topic to publish to', short: 't', env: 'SEND_ON' }),
  count: integer({ min: 1, max: maxCount }).default(1).meta({ description: 'How often', env: 'SEND_COUNT' }),
})

const listenSettings = z.object({
  ...messagingSettings,
  on: text().meta({
    description: 'Topic to listen on; * is one token, a last > the rest',
    short: 't',
    env: 'LISTEN_ON',
  }),
  count: integer({ min: 1, max: maxCount })
    .optional()
    .meta({ description: 'End after so many messages', env: 'LISTEN_COUNT' }),
  format: choice(['text', 'json'])
    .default('text')
    .meta({ description: 'text = the bodies, json = a message a line', env: 'LISTEN_FORMAT' }),
})

/** The subcommands of the command line. `open` connects to the broker. */
export const commands = (open: (url: string) => Promise<Driver> = openDriver): Readonly<Record<string, Command>> => ({
  send: command({
    summary: 'Publish MESSAGE to a topic',
    settings: sendSettings,
    positionals: { usage: 'MESSAGE', min: 1, max: 1 },
    run: ({ messagingUrl, on, count }, { positionals: [body = ''] }) =>
      withDriver(open, messagingUrl, async (driver) => {
        checkTopic(on)
        await send(driver, { on, body, count })
        return exitCodes.ok
      }),
  }),
  listen: command({
    summary: 'Print the messages of a topic as they come',
    settings: listenSettings,
    run: ({ messagingUrl, on, count, format }, { stdout, stderr, signal }) =>
      withDriver(open, messagingUrl, async (driver) => {
        checkPattern(on)
        await listen(driver, {
          on,
          count,
          signal,
          write: (message) => writeLine(stdout, format === 'json' ? jsonLine(message) : textOf(message), signal),
          onListening: () => void stderr.write(`listening on ${on}\n`),
        })
        return exitCodes.ok
      }),
  }),
})

const withDriver = async (
  open: (url: string) => Promise<Driver>,
  url: string,
  work: (driver: Driver) => Promise<number>,
): Promise<number> => {
  if (isInProcess(url)) {
    throw new ServiceError(
      'the messaging URL is memory:, which reaches one process only, and this command is a process of its own',
      {
        exitCode: exitCodes.usage,
        fix: 'Set MESSAGING_URL or --messaging-url to the URL of a broker',
      },
    )
  }
  let driver: Driver | undefined
  try {
    driver = await open(url)
    return await work(driver)
  } catch (error) {
    throw withExitCode(error)
  } finally {
    await driver?.close()
  }
}

const withExitCode = (error: unknown): unknown => {
  const code =
    error instanceof MessagingUrlError
      ? exitCodes.config
      : error instanceof TopicError
        ? exitCodes.usage
        : error instanceof PublishError || error instanceof SubscribeError
          ? exitCodes.unavailable
          : undefined
  return code === undefined ? error : new ServiceError((error as Error).message, { exitCode: code, cause: error })
}

const textOf = ({ body }: Message): string => new TextDecoder().decode(body)

const jsonLine = (message: Message): string => {
  const { id, topic, key, time, headers } = message
  return JSON.stringify({ id, topic, key, time, headers, body: textOf(message) })
}

/** Waits for a slow reader, until `signal` is aborted. */
const writeLine = async (stream: Writable, line: string, signal: AbortSignal): Promise<void> => {
  if (!stream.write(`${line}\n`)) await once(stream, 'drain', { signal })
}
