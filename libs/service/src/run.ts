import type { CommonConfig } from '@armature/config/common'
import { ConfigError } from '@armature/config/faults'
import { helpText } from '@armature/config/help'
import { type Env, processInput } from '@armature/config/process'
import type { Settings } from '@armature/config/schema'
import { openTelemetry } from '@armature/telemetry/telemetry'
import type { Route } from './admin-http.ts'
import type { Command, CommandIo, ConfigOf, Given, Takes } from './command.ts'
import { type Asked, readCommandLine, readSettings } from './command-line.ts'
import { afterOnTimer, deadlineIn } from './deadline.ts'
import { exitCodes, signalExitCode } from './exit-codes.ts'
import { describeError, exitCodeOf, explainListenError } from './faults.ts'
import { hostService } from './host.ts'
import { guardAgainstLeaks } from './leak-guard.ts'
import type { Service } from './service.ts'
import { onStopSignals } from './signals.ts'
import { packageVersion } from './version.ts'

export interface RunOptions<S extends Settings> extends Takes {
  name: string
  /** `z.object({ ...commonSettings, ... })` */
  settings: S
  /** Composes the service; opens nothing yet. The second argument is left to its default: the real edges. */
  service: (config: ConfigOf<S>, edges: undefined, given: Given) => Service
  /** Subcommands by name, each with settings of its own. */
  commands?: Readonly<Record<string, Command>>
  /** More paths of the admin HTTP server, such as a status page. */
  routes?: Readonly<Record<string, Route>>
  /** Where the addresses are printed. Default stderr: the log lines of a service have stdout. */
  announce?: 'stdout' | 'stderr'
}

type WithCommonSettings<S extends Settings> =
  ConfigOf<S> extends CommonConfig ? unknown : { settings: 'must have ...commonSettings' }

/**
 * All of a `main.ts`: reads the command line and the settings, runs what they ask for until it ends or a signal stops it, and
 * sets the exit code. Resolves then, and leaves nothing that keeps the process alive. Never rejects.
 */
export const run = async <S extends Settings>(options: RunOptions<S> & WithCommonSettings<S>): Promise<void> => {
  const { name } = options
  const stopping = new AbortController()
  onStopSignals(process, {
    first: (signal) => stopping.abort(signal),
    again: (signal) => process.exit(signalExitCode(signal)),
  })
  process.stderr.on('error', () => undefined)
  let title = name
  try {
    const { argv, env } = processInput()
    const asked = readCommandLine(name, argv, options.commands ?? {}, options)
    if (asked.kind === 'command') title = `${name} ${asked.name}`
    process.exitCode = await dispatch(asked, env, options, stopping)
  } catch (error) {
    report(title, error)
    process.exitCode = exitCodeOf(error)
  }
  guardAgainstLeaks(name, process.stderr)
}

const dispatch = async <S extends Settings>(
  asked: Asked,
  env: Env,
  options: RunOptions<S>,
  stopping: AbortController,
): Promise<number> => {
  const { name, settings } = options
  switch (asked.kind) {
    case 'help':
      return print(help(asked.name, asked.command, options))
    case 'version':
      return print(`${name} ${packageVersion()}\n`)
    case 'explain':
      return print(`${explain(asked, env, options)}\n`)
    case 'command':
      return runCommand(`${name} ${asked.name}`, asked.command, asked.argv, env, stopping)
    case 'serve': {
      const { config, ...given } = readSettings(name, settings, asked.argv, env, options)
      return serve(config, given, options, stopping.signal)
    }
  }
}

const print = (text: string): number => {
  process.stdout.write(text)
  return exitCodes.ok
}

/** One line, but for a ConfigError, which has one a fault. */
const report = (name: string, error: unknown): void => {
  process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `${name}: ${describeError(error)}\n`)
}

const help = <S extends Settings>(
  name: string | undefined,
  command: Command | undefined,
  options: RunOptions<S>,
): string => {
  if (name !== undefined && command !== undefined) return helpText({ ...command, name: `${options.name} ${name}` })
  const commands: Record<string, string> = {}
  for (const [key, { summary }] of Object.entries(options.commands ?? {})) commands[key] = summary
  return helpText({ ...options, commands: { ...commands, explain: 'Tell which source gives a setting its value' } })
}

/** Also in the face of faults: they are what one asks about. */
const explain = <S extends Settings>(
  { key, argv }: { readonly key: string | undefined; readonly argv: readonly string[] },
  env: Env,
  options: RunOptions<S>,
): string => {
  try {
    return readSettings(options.name, options.settings, argv, env, options).explain(key)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.explain(key) === '') throw error
    report(options.name, error)
    return error.explain(key)
  }
}

const serve = async <S extends Settings>(
  config: ConfigOf<S>,
  given: Given,
  options: RunOptions<S>,
  stopping: AbortSignal,
): Promise<number> => {
  const { name, settings, routes, announce = 'stderr' } = options
  // A service goes on when the reader of its output went away: nothing of telemetry stops the data path.
  process.stdout.on('error', () => undefined)
  const explained = (error: unknown): unknown => explainListenError(error, settings, config)
  const common = config as unknown as CommonConfig
  try {
    const service = options.service(config, undefined, given)
    const { exitCode, fault, overran } = await hostService(service, {
      config: common,
      telemetry: service.telemetry ?? openTelemetry({ service: name, config: common }),
      stopping,
      announce: process[announce],
      explained,
      ...(routes === undefined ? {} : { routes }),
    })
    if (fault !== undefined) report(name, fault)
    if (overran !== undefined) report(name, `the drain ran over ${common.drainDeadlineMs} ms in the step: ${overran}`)
    return exitCode
  } catch (error) {
    throw explained(error)
  }
}

const defaultCommandDrainMs = 10_000

const runCommand = async (
  name: string,
  command: Command,
  argv: readonly string[],
  env: Env,
  stopping: AbortController,
): Promise<number> => {
  const { config, positionals, rest } = readSettings(name, command.settings, argv, env, command)
  process.stdout.on('error', () => stopping.abort('stdout closed'))
  const { stdin, stdout, stderr } = process
  const io: CommandIo = { stdin, stdout, stderr, positionals, rest, signal: stopping.signal }
  const limitMs = Number(config['drainDeadlineMs'] ?? defaultCommandDrainMs)
  const stopped = Promise.withResolvers<undefined>()
  stopping.signal.addEventListener('abort', () => stopped.resolve(undefined), { once: true })
  const running = async (): Promise<number> => command.run(config, io)
  const ended = running()
  ended.catch(() => undefined)
  const code = await Promise.race([ended, stopped.promise])
  if (code !== undefined) return code
  const deadline = deadlineIn(limitMs, afterOnTimer)
  const late = await deadline.within(ended)
  deadline.cancel()
  if (late !== undefined) return late
  report(name, `did not end within ${limitMs} ms of being told to stop`)
  return exitCodes.temporary
}
