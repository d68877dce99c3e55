import { systemClock } from '@armature/messaging/clock'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { createMetrics } from '@armature/telemetry/metrics'
import { settings } from './config.ts'
import { handlers } from './handlers.ts'
import type { Registration } from './on.ts'
import { createRecent } from './recent.ts'

/** The subcommands of the command line. */
export const commands: Readonly<Record<string, Command>> = {
  list: command({
    summary: 'Show the handlers and their topics',
    settings,
    run: (config, { stdout }) => {
      const metrics = createMetrics({ service: 'reactor' })
      const tools = { config, clock: systemClock(), metrics, handled: createRecent<never>(1) }
      stdout.write(table(handlers(tools), config.group))
      return Promise.resolve(exitCodes.ok)
    },
  }),
}

/** One line a handler, in columns: name, topic, consumer group, what it is bound by. */
export const table = (registrations: readonly Registration[], group: string): string => {
  const rows = registrations.map(({ topic, options }) => [
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
  ])
  const all = [['HANDLER', 'TOPIC', 'GROUP', 'OPTIONS'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
