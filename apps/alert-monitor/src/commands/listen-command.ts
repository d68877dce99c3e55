import { systemClock } from '@armature/async/clock'
import { checkedText, choice, integer, list, text, toggle } from '@armature/config/settings'
import type { Message } from '@armature/messaging/message'
import type { StartPosition } from '@armature/messaging/ports'
import { checkPattern } from '@armature/messaging/topic-pattern'
import { type Program, usageError, withDriver } from '@armature/messaging-commands/broker-command'
import { sinceOf } from '@armature/messaging-commands/duration'
import { printable } from '@armature/messaging-commands/terminal-text'
import { write } from '@armature/messaging-commands/write'
import { jetstreamUrlOf } from '@armature/messaging-drivers/open-key-value'
import { command, type Command, type CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { brokerSettings, brokerUrlOf } from './broker-settings.ts'
import { watchBroker } from './broker-watch.ts'
import { listen } from './listen.ts'
import { type Condition, parseCondition } from './message-condition.ts'
import { defaultTopic, maxCount } from './send-command.ts'

const settings = z.object({
  ...brokerSettings,
  on: text().default(defaultTopic).meta({
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
  raw: toggle()
    .default(false)
    .meta({ description: 'The bytes of the bodies as they came, with nothing between', env: 'LISTEN_RAW' }),
  since: text().optional().meta({
    description: 'Also what came since then, where the broker keeps it: 1h, or a time in ISO 8601',
    env: 'LISTEN_SINCE',
  }),
  where: list(checkedText((condition) => void parseCondition(condition)))
    .default([])
    .meta({
      description: 'Only messages with FIELD=VALUE, !=VALUE or ~TEXT; may be repeated',
      env: 'LISTEN_WHERE',
      commas: false,
    }),
})

type Config = Readonly<z.infer<typeof settings>>

/** `listen`. */
export const listenCommand = (program: Program): Command =>
  command({
    summary: 'Print the messages of a topic as they come',
    settings,
    run: ({ on = defaultTopic, count, format, raw, since, where = [], ...broker }, io) => {
      const from = since === undefined ? undefined : startOf(since)
      const url = brokerUrlOf(broker)
      // Of NATS, what is past is JetStream's.
      return withDriver(program, from === undefined ? url : (jetstreamUrlOf(url) ?? url), io, async (driver) => {
        checkPattern(on)
        if (from !== undefined && !driver.guarantees.replay)
          throw usageError(`a ${driver.scheme}: broker cannot show what is past`, 'Leave --since out')
        const conditions = where.map(parseCondition)
        const unwatch = watchBroker(driver, systemClock(), (line) => void io.stderr.write(`${line}\n`))
        try {
          const heard = await listen(driver, {
            ...{ on, count, from, signal: io.signal },
            fits: (message) => conditions.every((condition: Condition) => condition(message)),
            write: (message) => show(message, { format, raw }, io),
            onListening: () => void io.stderr.write(`listening on ${on}\n`),
          })
          if (io.signal.aborted) io.stderr.write(`stopped listening on ${on}, messages heard: ${heard}\n`)
          return exitCodes.ok
        } finally {
          unwatch()
        }
      })
    },
  })

const startOf = (since: string): StartPosition => {
  const time = sinceOf(since, Date.now())
  if (time === undefined)
    throw usageError(`${JSON.stringify(since)} is no time`, 'Write how long ago, such as 1h, or a time in ISO 8601')
  return { time }
}

const show = (message: Message, { format, raw }: Pick<Config, 'format' | 'raw'>, { stdout, signal }: CommandIo) => {
  if (raw) return write(stdout, message.body, signal)
  return write(stdout, `${format === 'json' ? jsonLine(message) : printable(textOf(message))}\n`, signal)
}

const textOf = ({ body }: Message): string => new TextDecoder().decode(body)

const jsonLine = (message: Message): string => {
  const { id, topic, key, time, headers } = message
  return JSON.stringify({ id, topic, key, time, headers, body: textOf(message) })
}
