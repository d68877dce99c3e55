import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { type Clock, systemClock } from '@armature/async/clock'
import { environmentWithout } from '@armature/config/process'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { isInProcess } from '@armature/messaging/broker-in-words'
import type { Given } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { startChild } from './child.ts'
import { type Config, envPrefix } from './config.ts'
import { fieldHeaders } from './fields.ts'
import { openFileInput } from './file-input.ts'
import { type Input, standardInput } from './input.ts'
import { brokerUrlOf } from './kafka-flags.ts'
import { durableFolder, type SpoolFolder, spoolPath } from './spool-folder.ts'

const name = 'log-shipper'

/** The edges of the shipper: its ways to the outside. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: () => Promise<Driver>
  readonly openSpoolFolder: () => Promise<SpoolFolder>
  readonly openInput: () => Promise<Input>
  /** More headers of each message. */
  readonly fields?: Readonly<Record<string, string>> | undefined
  /** Gets what is read. */
  readonly echo?: Writable | undefined
}

/** Without a command after `--` the input is standard input. Log lines go to standard error: standard output has the echo. */
export const realEdges = (config: Config, { rest: [command, ...args] }: Pick<Given, 'rest'>): Edges => {
  const clock = systemClock()
  const telemetry = createTelemetry({ service: name, config, destination: process.stderr })
  return {
    telemetry,
    clock,
    openMessaging: async () => {
      const url = brokerUrlOf(config)
      if (isInProcess(url) && !config.hold) throw reachesNobody
      return openDriver(url, {
        source: `/armature/${name}`,
        metrics: telemetry.metrics,
        warn: (problem) => telemetry.log.warn(problem),
      })
    },
    openSpoolFolder: () => durableFolder(spoolPath(config)),
    openInput: async () => {
      const warn = (problem: string) => telemetry.log.warn(problem)
      if (config.files.length > 0) {
        if (command !== undefined) throw twoInputs
        return openFileInput({
          ...fileInputOptions(config),
          checkpointPath: join(spoolPath(config), 'files.json'),
          clock,
          warn,
        })
      }
      return command === undefined
        ? standardInput(process.stdin, config.inputGraceMs)
        : startChild({
            ...{ command, args, clock, warn },
            env: environmentWithout(envPrefix),
            graceMs: config.childGraceMs,
            exitRecord: config.exitRecord,
          })
    },
    fields: fieldHeaders({
      ...config,
      stream: config.files.length > 0 ? undefined : command === undefined ? 'stdin' : 'stdout',
    }),
    // A shipper that reads what is made of its own output would never come to an end.
    echo: config.quiet || config.files.length > 0 ? undefined : process.stdout,
  }
}

const reachesNobody = new ServiceError('memory: reaches this process only, so no one would get the lines', {
  exitCode: exitCodes.usage,
  fix: 'Set MESSAGING_URL (--messaging-url) to a broker, name a Kafka by -b HOST, or pass --hold to try it out',
})

const twoInputs = new ServiceError('lines come from files or from a command, not from both', {
  exitCode: exitCodes.usage,
  fix: 'Give either --file (env LOG_FILES) or a command after --',
})

const fileInputOptions = ({ files, lineFormat, spoolSync, ...config }: Config) => ({
  globs: files,
  format: lineFormat,
  durable: spoolSync,
  key: config.key,
  follow: config.follow,
  maxLineBytes: config.maxLineBytes,
  maxOpenFiles: config.maxOpenFiles,
  rotateWaitMs: config.rotateWaitMs,
  lastLineWaitMs: config.lastLineWaitMs,
})
