import type { Command } from '@armature/service/command'
import { spoolCommands } from './spool-commands.ts'

/** The subcommands of `log-shipper`. */
export const commands: Readonly<Record<string, Command>> = { ...spoolCommands }
