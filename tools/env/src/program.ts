import { isDeepStrictEqual } from 'node:util'
import { consulSettings } from '@armature/config/consul'
import type { KvValues } from '@armature/config/kv-source'
import { watchKv } from '@armature/config/kv-watch'
import { loadConfig } from '@armature/config/load'
import { consulCredentials } from '@armature/discovery/consul-credentials'
import { consulKv } from '@armature/discovery/consul-kv'
import * as z from 'zod'
import { environmentOf } from './environment.ts'
import { EnvError, exitCodes } from './exit-codes.ts'
import type { Options } from './flags.ts'
import { supervise, type Variables } from './supervisor.ts'

const name = 'armature-env'
const defaultAddress = '127.0.0.1:8500'
/** The exit code after SIGINT ended the command: 128 and the signal's number. */
const interruptedCode = 130
/** Ctrl-C reaches the command and this program; the end of the command may be seen first. */
const ownSignalWaitMs = 200
/** Passed on to the command. SIGINT is not: it ends this program, which ends the command. */
const forwarded: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']
/** The effect of a signal while no command runs: the end, or nothing. */
const endsWithoutCommand: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGQUIT']
const endsReplacement: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGQUIT']

/**
 * Runs the command until it ends or is ended. Resolves with the exit code. Without Consul it waits, and says so; with `once` it gives
 * up at the first failure. Rejects with EnvError.
 */
export const runCommand = async (options: Options, env: Variables, say: (line: string) => void): Promise<number> => {
  const { source } = openKv(options, env)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let interrupted = false
  let told = false
  let known: Variables | undefined

  const supervisor = supervise({
    ...options,
    path: env['PATH'],
    onRefused: ({ message }) =>
      say(`${options.command[0] ?? ''} cannot be signalled (${message}): it has to end by itself`),
    onEnd: (code) => {
      if (interrupted) resolve(exitCodes.interrupt)
      else if (code !== interruptedCode) resolve(code)
      else setTimeout(() => resolve(code), ownSignalWaitMs)
    },
    onFault: (cause) =>
      reject(
        new EnvError(`${options.command[0] ?? ''} cannot be started: ${cause.message}`, exitCodes.runner, { cause }),
      ),
  })
  const onChange = (values: readonly KvValues[]): void => {
    if (told) say('Consul is back')
    told = false
    const { variables, leftOut } = environmentOf(values, options)
    if (leftOut.length > 0) say(`${leftOut.join(', ')}: left out, since no environment can hold them`)
    if (isDeepStrictEqual(known, variables)) return
    known = variables
    if (Object.keys(variables).length === 0) say(`there are no keys below ${options.prefixes.join(', ')}`)
    supervisor.run({ ...(options.pristine ? {} : env), ...variables })
    if (options.once) endWatch()
  }
  const onFault = (cause: unknown): void => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (options.once && known === undefined) reject(new EnvError(reason, exitCodes.runner, { cause }))
    if (!told) say(`${reason}. ${known === undefined ? 'The command waits' : 'The command goes on'}`)
    told = true
  }
  const interrupt = (signal: NodeJS.Signals): void => {
    interrupted = true
    say(`${signal}: the command does not run again`)
    supervisor.stop()
  }
  const forward = (signal: NodeJS.Signals): void => {
    const outcome = supervisor.signal(signal)
    if (outcome === 'passed on') return
    const ends = outcome === 'no child' ? endsWithoutCommand : endsReplacement
    if (ends.includes(signal)) interrupt(signal)
    else
      say(
        `${signal}: nobody gets it, since the command ${outcome === 'no child' ? 'does not run yet' : 'is being replaced'}`,
      )
  }

  const prefixes = options.prefixes.map((prefix) => `${prefix}/`)
  const endWatch = watchKv({ ...options, source, prefixes, onChange, onFault })
  process.on('SIGINT', interrupt)
  for (const signal of forwarded) process.on(signal, forward)
  try {
    return await promise
  } finally {
    endWatch()
    source.close()
    process.off('SIGINT', interrupt)
    for (const signal of forwarded) process.off(signal, forward)
  }
}

const openKv = ({ consulAddr }: Options, env: Variables) => {
  const argv = consulAddr === undefined ? [] : [`--consul-http-addr=${consulAddr}`]
  try {
    const { config } = loadConfig({ name, settings: z.object(consulSettings), argv, env })
    // Reads the files that the variables name: one that is missing is told before anything is asked.
    consulCredentials(config)()
    const opened = consulKv({ ...config, consulHttpAddr: config.consulHttpAddr ?? defaultAddress })
    if (opened === undefined) throw new EnvError('no agent is named', exitCodes.config)
    return opened
  } catch (cause) {
    throw new EnvError(cause instanceof Error ? cause.message : String(cause), exitCodes.config, { cause })
  }
}
