import type { Readable, Writable } from 'node:stream'
import type { Positionals } from '@armature/config/flags'
import type { Settings } from '@armature/config/schema'
import type { z } from 'zod'

/** The values of `settings`, as a service or a command gets them. */
export type ConfigOf<S extends Settings> = Readonly<z.output<S>>

/** The arguments of the command line that are not flags. */
export interface Given {
  readonly positionals: readonly string[]
  /** The arguments after `--`. */
  readonly rest: readonly string[]
}

/** The arguments that a service or a command takes beside flags. Any that are not declared are a fault when given. */
export interface Takes {
  readonly positionals?: Positionals
  /** The name in `--help` of the arguments that may follow `--`: `COMMAND...` */
  readonly rest?: string
}

/** A word that runs the service itself with an operand: `run FILE` is `--handlers=FILE`. */
export interface ServeWord {
  /** One line for `--help`. */
  readonly summary: string
  /** The operand in `--help`: `FILE`. */
  readonly usage: string
  /** The long flag that the operand is the value of, without dashes. */
  readonly flag: string
}

export type ServeWords = Readonly<Record<string, ServeWord>>

/** The streams of a command: data on stdout, everything else on stderr. */
export interface CommandIo extends Given {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /**
   * Aborted by SIGINT, SIGTERM and SIGHUP, and when the reader of stdout went away: the command then has `drainDeadlineMs`
   * (of its settings, else 10 s) to resolve.
   */
  readonly signal: AbortSignal
}

/** A subcommand of a service's command line: `alert-monitor send --on=TOPIC MESSAGE`. */
export interface Command<S extends Settings = Settings> extends Takes {
  /** One line for `--help`. */
  readonly summary: string
  readonly settings: S
  /** Resolves with the exit code. A rejection is printed in one line, and its `exitCode` (else 70) is the exit code. */
  run(config: ConfigOf<S>, io: CommandIo): Promise<number>
}

/** Infers the type of `config` from `settings`. */
export const command = <S extends Settings>(definition: Command<S>): Command => definition
