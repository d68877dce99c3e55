import type { Command } from '@armature/service/command'
import type { Program } from './broker-command.ts'
import { dlqDrop } from './dlq-drop.ts'
import { dlqEdit } from './dlq-edit.ts'
import { dlqLs } from './dlq-ls.ts'
import { dlqRedrive } from './dlq-redrive.ts'
import { dlqShow } from './dlq-show.ts'
import { dlqStats } from './dlq-stats.ts'
import { errorsCommand } from './errors-command.ts'
import { publishCommand } from './publish-command.ts'
import { tapCommand } from './tap-command.ts'

/** Every command over a broker, by the words that call it, for `run` or `runProgram` of libs/service. */
export const messagingCommands = (program: Program): Readonly<Record<string, Command>> => ({
  'dlq ls': dlqLs(program),
  'dlq show': dlqShow(program),
  'dlq stats': dlqStats(program),
  'dlq redrive': dlqRedrive(program),
  'dlq edit': dlqEdit(program),
  'dlq drop': dlqDrop(program),
  errors: errorsCommand(program),
  publish: publishCommand(program),
  tap: tapCommand(program),
})
