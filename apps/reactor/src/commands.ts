import { systemClock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { messagingCommands } from '@armature/messaging-commands/commands'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { table } from '@armature/service/table'
import { createMetrics } from '@armature/telemetry/metrics'
import { settings } from './config.ts'
import { handlers } from './handlers.ts'
import type { Registration } from '@armature/messaging/on'
import { createRecent } from './recent.ts'

/** The subcommands of the command line: the reactor's own, and those over a broker. */
export const commands = (): Readonly<Record<string, Command>> => ({
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
  ...messagingCommands({ name: 'reactor', source: '/armature/reactor', open: openDriver }),
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
