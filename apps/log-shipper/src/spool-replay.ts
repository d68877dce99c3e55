import { hostname } from 'node:os'
import type { Writable } from 'node:stream'
import { type Clock, systemClock } from '@armature/async/clock'
import { commonSettings } from '@armature/config/common'
import { toggle } from '@armature/config/settings'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { isInProcess } from '@armature/messaging/broker-in-words'
import { tracedPublisher } from '@armature/messaging/trace'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import * as z from 'zod'
import { settings } from './config.ts'
import type { Disk } from './disk.ts'
import { existingFolder } from './existing-folder.ts'
import { createRetryingPublisher } from './retrying-publisher.ts'
import { startShipper } from './shipper.ts'
import { openSpool } from './spool.ts'
import { durableFolder, openedSpool, spoolPath } from './spool-folder.ts'
import { cursorName } from './spool-recovery.ts'

const { messagingUrl, topic, source, key, spoolDir, maxLineBytes } = settings.shape
const { batchCount, batchBytes, publishTimeoutMs, maxRetryDelayMs } = settings.shape
const { logLevel, drainDeadlineMs, statsdHost, statsdPort, statsdPrefix } = commonSettings
const { ddAgentHost, ddDogstatsdPort, ddDogstatsdUrl, otlpEndpoint } = commonSettings

const replaySettings = z.object({
  ...{ messagingUrl, topic, source, key, spoolDir, maxLineBytes },
  ...{ batchCount, batchBytes, publishTimeoutMs, maxRetryDelayMs },
  ...{ logLevel, drainDeadlineMs, statsdHost, statsdPort, statsdPrefix },
  ...{ ddAgentHost, ddDogstatsdPort, ddDogstatsdUrl, otlpEndpoint },
  all: toggle()
    .default(false)
    .meta({ description: 'Publish also the acknowledged lines that the spool still holds', env: 'REPLAY_ALL' }),
})

export type ReplayConfig = Readonly<z.output<typeof replaySettings>>

export interface ReplayOptions {
  readonly config: ReplayConfig
  readonly disk: Disk
  readonly driver: Driver
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly stderr: Pick<Writable, 'write'>
  /** Ends it before its time. */
  readonly signal: AbortSignal
}

const progressEveryMs = 1_000

/**
 * Publishes what a spool holds, with the ids that the lines have, and acknowledges it there. Resolves with the exit code: 0, 65 where lines
 * were damaged, 75 where it was stopped before all was published.
 */
export const replaySpool = async (options: ReplayOptions): Promise<number> => {
  const { config, disk, driver, clock, telemetry, stderr, signal } = options
  let damagedLines = 0
  const spool = await openedSpool(() =>
    openSpool({
      disk: config.all ? withoutCursor(disk) : disk,
      clock,
      maxBytes: Number.MAX_SAFE_INTEGER,
      maxLineBytes: config.maxLineBytes,
      sync: true,
      onDamage: ({ lines }) => {
        damagedLines += lines
      },
    }),
  )
  const total = spool.pending
  const ledger = createLedger({ stage: 'log-shipper', inFlight: () => spool.pending, metrics: telemetry.metrics })
  ledger.received(total)
  const tell = (text: string) => void stderr.write(`${text}\n`)
  const publisher = tracedPublisher(driver, { system: driver.scheme })
  const opened = Promise.resolve()
  const retryingPublisher = createRetryingPublisher({ ...config, publisher, opened, clock, telemetry, signal })
  const shipper = startShipper({
    ...{ spool, retryingPublisher, clock, telemetry, ledger },
    messages: messagesOf(config),
    batch: { count: config.batchCount, bytes: config.batchBytes, periodMs: 0 },
  })
  shipper.hurry()
  const progress = () => {
    tell(`${total - spool.pending} of ${total} lines are published`)
    cancelProgress = clock.after(progressEveryMs, progress)
  }
  let cancelProgress = clock.after(progressEveryMs, progress)
  try {
    await shipper.idle()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    cancelProgress()
    await shipper.close()
    await spool.close()
  }
  const left = spool.pending
  const { acked, deadLettered } = ledger.snapshot()
  tell(`${acked} lines were published to ${config.topic}, ${deadLettered} dead-lettered, ${damagedLines} were damaged`)
  if (left > 0) tell(`${left} lines are left in the spool: call it again to publish them`)
  if (left > 0) return exitCodes.temporary
  return damagedLines > 0 ? exitCodes.data : exitCodes.ok
}

const messagesOf = ({ topic: to, source: from = hostname(), key: ownKey = from }: ReplayConfig) => ({
  topic: to,
  source: from,
  key: ownKey,
})

/** A spool without a cursor gives out all lines that it holds. */
const withoutCursor = (disk: Disk): Disk => ({
  ...disk,
  read: async (name) => (name === cursorName ? undefined : disk.read(name)),
})

/** `log-shipper spool replay`. */
export const replay = command({
  summary: 'Publish what a spool holds, with the same ids, and acknowledge it; no shipper may use the spool meanwhile',
  settings: replaySettings,
  run: async (config, { stderr, signal }) => {
    if (isInProcess(config.messagingUrl)) throw reachesNobody
    const path = spoolPath(config)
    // It is not made here: a wrong name would look like an empty spool.
    await existingFolder(path).list()
    const telemetry = createTelemetry({ service: 'log-shipper', config, destination: process.stderr })
    const folder = await durableFolder(path)
    try {
      const driver = await openDriver(config.messagingUrl, {
        source: '/armature/log-shipper',
        metrics: telemetry.metrics,
        warn: (problem) => telemetry.log.warn(problem),
      })
      try {
        const { disk } = folder
        return await replaySpool({ config, disk, driver, clock: systemClock(), telemetry, stderr, signal })
      } finally {
        await driver.close()
      }
    } finally {
      await folder.close()
      await telemetry.close()
    }
  },
})

const reachesNobody = new ServiceError('memory: reaches this process only, so no one would get the lines', {
  exitCode: exitCodes.usage,
  fix: 'Set MESSAGING_URL (--messaging-url) to a broker',
})
