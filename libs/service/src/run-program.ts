import { helpText } from '@armature/config/help'
import type { Command } from './command.ts'
import { readCommand } from './command-line.ts'
import { runCommand } from './run-command.ts'
import { print, runProcess } from './run-process.ts'
import { packageVersion } from './version.ts'

export interface ProgramOptions {
  /** The name as it is typed. */
  readonly name: string
  /** One line for `--help`. */
  readonly summary: string
  /** The keys are names of one word or two (`dlq ls`). Each command has settings of its own. */
  readonly commands: Readonly<Record<string, Command>>
}

/**
 * All of the `main.ts` of a program that has commands and no service: runs the command that the command line names, with the exit codes and
 * the signals of `run`. Answers `--help` and `--version`. Never rejects.
 */
export const runProgram = ({ name, summary, commands }: ProgramOptions): Promise<void> =>
  runProcess(name, async ({ argv, env }, stopping) => {
    const asked = readCommand(name, argv, commands)
    switch (asked.kind) {
      case 'help': {
        const { name: command } = asked
        if (asked.command !== undefined) return print(helpText({ ...asked.command, name: `${name} ${command}` }))
        const summaries = Object.entries(commands).map(([key, one]) => [key, one.summary] as const)
        return print(helpText({ name, summary, commands: Object.fromEntries(summaries) }))
      }
      case 'version':
        return print(`${name} ${packageVersion()}\n`)
      case 'command':
        return runCommand(`${name} ${asked.name}`, asked.command, { argv: asked.argv, env }, stopping)
    }
  })
