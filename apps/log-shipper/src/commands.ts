import type { Command } from '@armature/service/command'
import { installCommand } from './install.ts'
import { spoolCommands } from './spool-commands.ts'
import { tailCommand } from './tail-command.ts'

/** The subcommands of `log-shipper`. */
export const commands: Readonly<Record<string, Command>> = {
  ...spoolCommands,
  tail: tailCommand,
  install: installCommand,
}
