import * as z from 'zod'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Open } from '@armature/messaging-commands/broker-command'
import { command, type Command } from '@armature/service/command'
import { backtestCommand } from './backtest/backtest-command.ts'
import { alertsCommand } from './commands/alerts-command.ts'
import { claimCommand } from './commands/claim-command.ts'
import { listenCommand } from './commands/listen-command.ts'
import { routesCommand } from './commands/routes-command.ts'
import { sendCommand } from './commands/send-command.ts'
import { silenceCommand } from './commands/silence-command.ts'
import { detect } from './detect/detect.ts'
import { ruleCommands } from './rules/rule-commands.ts'

/** The subcommands of the command line. `open` connects to the broker. */
export const commands = (open: Open = openDriver): Readonly<Record<string, Command>> => {
  const program = { name: 'alert-monitor', source: '/armature/alert-monitor', open, urlFlag: '--messaging-url' }
  return {
    send: sendCommand(program),
    listen: listenCommand(program),
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
