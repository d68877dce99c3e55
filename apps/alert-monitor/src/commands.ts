import * as z from 'zod'
import { messagingSettings } from '@armature/config/common'
import { choice, integer, text } from '@armature/config/settings'
import type { Message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { checkPattern, checkTopic } from '@armature/messaging/topic-pattern'
import { withDriver, type Open } from '@armature/messaging-commands/broker-command'
import { write } from '@armature/messaging-commands/write'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { backtestCommand } from './backtest/backtest-command.ts'
import { alertsCommand } from './commands/alerts-command.ts'
import { claimCommand } from './commands/claim-command.ts'
import { listen } from './commands/listen.ts'
import { routesCommand } from './commands/routes-command.ts'
import { send } from './commands/send.ts'
import { detect } from './detect/detect.ts'
import { ruleCommands } from './rules/rule-commands.ts'
import { silenceCommand } from './commands/silence-command.ts'

const maxCount = 10_000_000

const sendSettings = z.object({
  ...messagingSettings,
  on: text().meta({ description: 'Topic to publish to', short: 't', env: 'SEND_ON' }),
  count: integer({ min: 1, max: maxCount })
    .default(1)
    .meta({ description: 'Number of copies to send', env: 'SEND_COUNT' }),
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
export const commands = (open: Open = openDriver): Readonly<Record<string, Command>> => {
  const program = { name: 'alert-monitor', source: '/armature/alert-monitor', open, urlFlag: '--messaging-url' }
  return {
    send: command({
      summary: 'Publish MESSAGE to a topic',
      settings: sendSettings,
      positionals: { usage: 'MESSAGE', min: 1, max: 1 },
      run: ({ messagingUrl, on, count }, { positionals: [body = ''], ...io }) =>
        withDriver(program, messagingUrl, io, async (driver) => {
          checkTopic(on)
          const sent = await send(driver, { on, body, count, signal: io.signal })
          return sent === count ? exitCodes.ok : exitCodes.temporary
        }),
    }),
    listen: command({
      summary: 'Print the messages of a topic as they come',
      settings: listenSettings,
      run: ({ messagingUrl, on, count, format }, io) =>
        withDriver(program, messagingUrl, io, async (driver) => {
          checkPattern(on)
          await listen(driver, {
            on,
            count,
            signal: io.signal,
            write: (message) =>
              write(io.stdout, `${format === 'json' ? jsonLine(message) : textOf(message)}\n`, io.signal),
            onListening: () => void io.stderr.write(`listening on ${on}\n`),
          })
          return exitCodes.ok
        }),
    }),
    ...ruleCommands,
    backtest: backtestCommand,
    detect: command({
      summary: 'Judge a series in CSV (timestamp,value) on stdin: a row with its anomaly score for each row',
      settings: z.object({}),
      run: (_, io) => detect(io),
    }),
    alerts: alertsCommand(),
    silence: silenceCommand(),
    claim: claimCommand(),
    routes: routesCommand(),
  }
}

const textOf = ({ body }: Message): string => new TextDecoder().decode(body)

const jsonLine = (message: Message): string => {
  const { id, topic, key, time, headers } = message
  return JSON.stringify({ id, topic, key, time, headers, body: textOf(message) })
}
