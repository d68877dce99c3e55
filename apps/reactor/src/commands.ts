import * as z from 'zod'
import { systemClock } from '@armature/async/clock'
import { checkedText, integer, text } from '@armature/config/settings'
import { withDriver } from '@armature/messaging-commands/broker-command'
import { messagingCommands } from '@armature/messaging-commands/commands'
import { sinceOf } from '@armature/messaging-commands/duration'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Registration } from '@armature/messaging/on'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { table } from '@armature/service/table'
import { createTelemetry } from '@armature/telemetry/telemetry'
import { settings, type Config } from './config.ts'
import { handlers } from './handlers.ts'
import { loadHandlersFile } from './handlers-file.ts'
import { createRecent } from './recent.ts'
import { replay } from './replay.ts'

const program = { name: 'reactor', source: '/armature/reactor', open: openDriver } as const

/** `reactor run FILE`. */
export const serveWords = { run: { summary: 'Run the handlers of a file', usage: 'FILE', flag: 'handlers' } }

/** The subcommands of the command line: the reactor's own, and those over a broker. */
export const commands = (): Readonly<Record<string, Command>> => ({
  list: command({
    summary: 'Show the handlers and their topics',
    settings,
    run: (config, { stdout, signal }) =>
      withHandlers(config, signal, (registrations) => {
        stdout.write(handlerTable(registrations, config.group))
        return Promise.resolve(exitCodes.ok)
      }),
  }),
  replay: replayCommand(),
  ...messagingCommands(program),
})

const time = () =>
  text()
    .refine((value) => sinceOf(value, 0) !== undefined, { error: 'is neither a duration nor a time' })
    .meta({ accepts: 'how long ago, such as 2h, or a time in ISO 8601' })

const replayCommand = (): Command =>
  command({
    summary: 'Give the messages that a topic holds of a time to its handlers again',
    settings: z.object({
      ...settings.shape,
      topic: checkedText(checkTopic).meta({
        description: 'Topic whose messages are handled again',
        env: 'REPLAY_TOPIC',
        short: 't',
      }),
      from: time().meta({ description: 'The first time: 2h (ago), or ISO 8601', env: 'REPLAY_FROM' }),
      to: time().default('0s').meta({
        description: 'The time that ends it, which does not belong to it: 1h (ago), or ISO 8601',
        env: 'REPLAY_TO',
      }),
      handler: text()
        .optional()
        .meta({ description: 'Only this handler (none = all of the topic)', env: 'REPLAY_HANDLER' }),
      max: integer({ min: 1, max: 10_000_000 })
        .default(1_000_000)
        .meta({ description: 'Most messages', env: 'REPLAY_MAX' }),
    }),
    run: (config, io) =>
      withHandlers(config, io.signal, (all) =>
        withDriver(program, config.messagingUrl, io, async (driver) => {
          const { group, handlerTimeoutMs: timeoutMs, maxInFlight, maxInFlightBytes } = config
          const nowMs = Date.now()
          const replayed = await replay({
            driver,
            registrations: all.filter(({ options }) => config.handler === undefined || options.name === config.handler),
            clock: systemClock(),
            telemetry: createTelemetry({ service: 'reactor', config }),
            group,
            defaults: { timeoutMs, maxInFlight, maxInFlightBytes },
            topic: config.topic,
            from: sinceOf(config.from, nowMs) ?? new Date(nowMs),
            to: sinceOf(config.to, nowMs) ?? new Date(nowMs),
            max: config.max,
            signal: io.signal,
          })
          const rest = replayed.complete ? '' : '; there may be more'
          io.stdout.write(`replayed ${replayed.messages} messages of ${config.topic}${rest}\n`)
          return replayed.complete ? exitCodes.ok : exitCodes.temporary
        }),
      ),
  })

/** The handlers that the settings name; what they open is closed after the work. */
const withHandlers = async (
  config: Config,
  stopping: AbortSignal,
  work: (registrations: readonly Registration[]) => Promise<number>,
): Promise<number> => {
  const closers: (() => Promise<void>)[] = []
  const { metrics } = createTelemetry({ service: 'reactor', config })
  const tools = { config, clock: systemClock(), metrics, handled: createRecent<never>(1) }
  const onClose = (close: () => Promise<void>) => void closers.push(close)
  try {
    const { handlersFile } = config
    return await work(
      handlersFile === undefined
        ? handlers(tools)
        : await loadHandlersFile(handlersFile, { ...tools, onClose, stopping }),
    )
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/** One line a handler: name, topic, consumer group, what it is bound by. */
const handlerTable = (registrations: readonly Registration[], group: string): string =>
  table([
    ['HANDLER', 'TOPIC', 'GROUP', 'OPTIONS'],
    ...registrations.map(({ topic, options }) => [
      options.name,
      topic,
      `${group}.${options.name}`,
      [
        options.hasSchema ? 'schema' : '',
        options.serial === undefined ? '' : 'serial by key',
        options.count === undefined ? '' : `count ${options.count}`,
        options.rateLimit === undefined ? '' : `${options.rateLimit.perSecond} a second`,
        options.idempotent === undefined ? '' : 'idempotent',
        options.store === undefined ? '' : 'store',
        options.deadLetters === true ? 'dead letters too' : '',
      ]
        .filter(Boolean)
        .join(', '),
    ]),
  ])
