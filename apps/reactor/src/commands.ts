import { systemClock } from '@armature/messaging/clock'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { createMetrics } from '@armature/telemetry/metrics'
import { openByUrl, type Open } from './broker-command.ts'
import { settings } from './config.ts'
import { dlqChanges } from './dlq-changes.ts'
import { dlqCommands } from './dlq-commands.ts'
import { handlers } from './handlers.ts'
import type { Registration } from './on.ts'
import { publishCommand } from './publish-command.ts'
import { createRecent } from './recent.ts'
import { table } from './shown.ts'
import { tapCommand } from './tap-command.ts'

/** The subcommands of the command line. `open` connects to the broker. */
export const commands = (open: Open = openByUrl): Readonly<Record<string, Command>> => ({
  list: command({
    summary: 'Show the handlers and their topics',
    settings,
    run: (config, { stdout }) => {
      const metrics = createMetrics({ service: 'reactor' })
      const tools = { config, clock: systemClock(), metrics, handled: createRecent<never>(1) }
      stdout.write(handlerTable(handlers(tools), config.group))
      return Promise.resolve(exitCodes.ok)
    },
  }),
  ...dlqCommands(open),
  ...dlqChanges(open),
  publish: publishCommand(open),
  tap: tapCommand(open),
})

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
        options.deadLetters === true ? 'dead letters too' : '',
      ]
        .filter(Boolean)
        .join(', '),
    ]),
  ])
