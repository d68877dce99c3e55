import type { CommonConfig } from '@armature/config/common'
import { ConfigError } from '@armature/config/faults'
import { helpText } from '@armature/config/help'
import type { Env } from '@armature/config/process'
import type { OpenKv } from '@armature/config/kv-source'
import type { ColdChanges } from '@armature/config/live-config'
import { type Loaded, settingsReader, type SettingsReader } from '@armature/config/load'
import type { Settings } from '@armature/config/schema'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import type { Route } from './admin-http.ts'
import type { Command, ConfigOf, Given, ServeWords, Takes } from './command.ts'
import { type Asked, readCommandLine, refuseRest } from './command-line.ts'
import { exitCodes } from './exit-codes.ts'
import { explainListenError } from './faults.ts'
import { hostService } from './host.ts'
import type { RegisterAdmin } from './registered.ts'
import { kvEventTeller, type KvOptions, type KvSettings, openKvSettings } from './kv-settings.ts'
import type { Outcome } from './lifecycle.ts'
import type { Service } from './service.ts'
import { runCommand } from './run-command.ts'
import { type Hangup, print, report, runProcess } from './run-process.ts'
import { packageVersion } from './version.ts'

export interface RunOptions<S extends Settings> extends Takes {
  name: string
  /** `z.object({ ...commonSettings, ... })` */
  settings: S
  /** Variables with this before their names are stronger (see LoadOptions of libs/config); commands read them, too. Default: none. */
  envPrefix?: string
  /** Composes the service from its settings and what the command line holds beside flags; opens nothing yet. */
  service: (config: ConfigOf<S>, given: Given) => Service
  /** Subcommands by name, each with settings of its own. */
  commands?: Readonly<Record<string, Command>>
  /** Words that run the service itself with an operand. */
  serveWords?: ServeWords
  /** Words that were commands once, and what to call instead: whoever types them is told so. */
  moved?: Readonly<Record<string, string>>
  /** More paths of the admin HTTP server, such as a status page. */
  routes?: Readonly<Record<string, Route>>
  /** Opens the KV store that the settings name (`consulKv` of libs/discovery). Default: settings are never read from KV. */
  kv?: OpenKv
  /**
   * The effect of a change in KV of a setting that is not hot. Default `restart`: the service is composed anew in this process. With `next
   * start` it runs on as it is, and the process that is started next has the change. That is for a service whose input ends with it.
   */
  coldChanges?: ColdChanges
  /**
   * Tells others of the service by its admin server (`registerAdmin` of libs/discovery), once it has started and until its drain. For
   * services that have no port of their own. Default: it is not announced.
   */
  registerAdmin?: RegisterAdmin<ConfigOf<S>>
  /** The stream for the addresses. Default stderr: the log lines of a service have stdout. */
  announce?: 'stdout' | 'stderr'
}

type WithCommonSettings<S extends Settings> =
  ConfigOf<S> extends CommonConfig ? unknown : { settings: 'must have ...commonSettings' }

/**
 * All of a `main.ts`: reads the command line and the settings, runs what they ask for until it ends or a signal stops it, and
 * sets the exit code. Resolves then, and leaves nothing that keeps the process alive. Never rejects.
 */
export const run = async <S extends Settings>(options: RunOptions<S> & WithCommonSettings<S>): Promise<void> => {
  await runProcess(options.name, (input, stopping, hangup) => {
    const asked = readCommandLine(options.name, input.argv, options.commands ?? {}, options)
    return dispatch(asked, input.env, options, stopping, hangup)
  })
}

const dispatch = async <S extends Settings>(
  asked: Asked,
  env: Env,
  options: RunOptions<S>,
  stopping: AbortController,
  hangup: Hangup,
): Promise<number> => {
  const { name, envPrefix } = options
  switch (asked.kind) {
    case 'help':
      return print(help(asked.name, asked.command, options))
    case 'version':
      return print(`${name} ${packageVersion()}\n`)
    case 'explain':
      return print(`${await explain(asked, env, options, stopping.signal)}\n`)
    case 'command':
      return runCommand(`${name} ${asked.name}`, asked.command, { argv: asked.argv, env, envPrefix }, stopping)
    case 'serve': {
      // A service goes on when the reader of its output went away: nothing of telemetry stops the data path.
      process.stdout.on('error', () => undefined)
      const reader = readerOf(asked.argv, env, options)
      const kv = await openKvSettings(options.kv, kvOptions(reader, env, options), stopping.signal)
      const composed = (service: Service) => {
        hangup.reload = service.reload === undefined ? undefined : () => service.reload?.()
      }
      if (kv !== undefined) return serveLive(kv, options, stopping.signal, composed)
      const { config, ...given } = loadedBy(reader, options)
      return (await serve(config, given, options, stopping.signal, composed)).exitCode
    }
  }
}

const help = <S extends Settings>(
  name: string | undefined,
  command: Command | undefined,
  options: RunOptions<S>,
): string => {
  const { envPrefix } = options
  if (name !== undefined && command !== undefined)
    return helpText({ ...command, name: `${options.name} ${name}`, envPrefix })
  const commands: Record<string, string> = {}
  for (const [key, { summary, usage }] of Object.entries(options.serveWords ?? {}))
    commands[`${key} ${usage}`] = summary
  for (const [key, { summary }] of Object.entries(options.commands ?? {})) commands[key] = summary
  return helpText({ ...options, commands: { ...commands, explain: 'Tell which source gives a setting its value' } })
}

const readerOf = <S extends Settings>(
  argv: readonly string[],
  env: Env,
  { name, settings, envPrefix, positionals }: RunOptions<S>,
): SettingsReader<S> => settingsReader({ name, settings, argv, env, envPrefix, ...(positionals && { positionals }) })

const loadedBy = <S extends Settings>(reader: SettingsReader<S>, options: RunOptions<S>): Loaded<ConfigOf<S>> => {
  const loaded = reader.load()
  refuseRest(options.name, loaded, options)
  return loaded
}

const kvOptions = <S extends Settings>(
  reader: SettingsReader<S>,
  env: Env,
  { name, settings, coldChanges }: RunOptions<S>,
): KvOptions<S> => ({ name, settings, reader, env, ...(coldChanges && { coldChanges }) })

/** Also in the face of faults: they are what one asks about. */
const explain = async <S extends Settings>(
  { key, argv }: { readonly key: string | undefined; readonly argv: readonly string[] },
  env: Env,
  options: RunOptions<S>,
  stopping: AbortSignal,
): Promise<string> => {
  try {
    const reader = readerOf(argv, env, options)
    const kv = await openKvSettings(options.kv, kvOptions(reader, env, options), stopping)
    try {
      return (kv?.live ?? loadedBy(reader, options)).explain(key)
    } finally {
      kv?.close()
    }
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
  onComposed?: (service: Service, telemetry: Telemetry) => void,
): Promise<Outcome> => {
  const { name, settings, routes, registerAdmin, announce = 'stderr' } = options
  const explained = (error: unknown): unknown => explainListenError(error, settings, config)
  const common = config as unknown as CommonConfig
  try {
    const service = options.service(config, given)
    const telemetry = service.telemetry ?? createTelemetry({ service: name, config: common })
    onComposed?.(service, telemetry)
    const outcome = await hostService(service, {
      config: common,
      telemetry,
      stopping,
      announce: process[announce],
      explained,
      ...(routes === undefined ? {} : { routes }),
      ...(registerAdmin && { register: (admin) => registerAdmin(config, telemetry, { service: name, ...admin }) }),
    })
    const { fault, overran } = outcome
    if (fault !== undefined) report(name, fault)
    if (overran !== undefined) report(name, `the drain ran over ${common.drainDeadlineMs} ms in the step: ${overran}`)
    return outcome
  } catch (error) {
    throw explained(error)
  }
}

/**
 * Runs the service with settings that follow KV: hot ones are applied, for others it is drained, closed, and composed anew in this
 * process, which so keeps its id, its terminal and its place with whoever supervises it; with `coldChanges: 'next start'` it is left
 * alone. A drain that was not clean is no ground to build on: it ends the process with its code.
 */
const serveLive = async <S extends Settings>(
  kv: KvSettings<S>,
  options: RunOptions<S>,
  stopping: AbortSignal,
  onComposed: (service: Service) => void,
): Promise<number> => {
  const { name, announce = 'stderr' } = options
  try {
    for (;;) {
      const restart = new AbortController()
      const loaded = kv.live.begin()
      refuseRest(name, loaded, options)
      const { config, ...given } = loaded
      const asked = AbortSignal.any([stopping, restart.signal])
      const { exitCode } = await serve(config, given, options, asked, (service, telemetry) => {
        onComposed(service)
        kv.live.follow({
          onEvent: kvEventTeller(telemetry),
          onHot: (hot, keys) => {
            telemetry.log.level = (hot as unknown as CommonConfig).logLevel
            service.reconfigure?.(hot, keys)
          },
          onRestart: (keys) => restart.abort(`settings changed in KV: ${keys.join(', ')}`),
        })
      })
      if (!restart.signal.aborted || stopping.aborted || exitCode !== exitCodes.ok) return exitCode
      process[announce].write(`${name}: starts again: ${String(restart.signal.reason)}\n`)
    }
  } finally {
    kv.close()
  }
}
