import { hostname } from 'node:os'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { within } from '@armature/async/within'
import { PublishError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/broker-in-words'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { NotReady, Service } from '@armature/service/service'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createLedger, type Ledger } from '@armature/telemetry/ledger'
import type { Config } from './config.ts'
import { dropCounter } from './drop-counter.ts'
import { exitLine } from './exit-record.ts'
import type { Edges } from './edges.ts'
import { brokerUrlOf, headersOf } from './kafka-flags.ts'
import { createRetryingPublisher, type RetryingPublisher } from './retrying-publisher.ts'
import type { Input } from './input.ts'
import { type Intake, startIntake } from './intake.ts'
import { type LateBroker, lateBroker } from './late-broker.ts'
import { lineRedactor } from './redact.ts'
import { type Shipper, startShipper } from './shipper.ts'
import { memorySpool } from './memory-spool.ts'
import { eventJoiner } from './multiline.ts'
import { openSpool, type Spool } from './spool.ts'
import { openedSpool, type SpoolFolder } from './spool-folder.ts'
import type { Damage } from './spool-recovery.ts'
import type { Full } from './spool-writer.ts'

const name = 'log-shipper'

/** A broker that is away is waited for so long before lines are read: a wrong URL is told before, and ends the start. */
const brokerStartWaitMs = 1_000

/** Everything between `start` and `close`. */
interface Parts {
  broker?: LateBroker
  /** Once the broker is there. */
  driver?: Driver
  folder?: SpoolFolder
  spool?: Spool
  retryingPublisher?: RetryingPublisher
  shipper?: Shipper
  input?: Input
  intake?: Intake
}

/** The things that the steps of one run share. */
interface Run {
  readonly config: Config
  readonly edges: Edges
  readonly parts: Parts
  readonly ledger: Ledger
  /** Ends the service with this fault. */
  readonly fail: (error: unknown) => void
  /** Aborted when the run is over. */
  readonly closing: AbortController
}

/** Ships lines to a topic by way of a durable spool. */
export const logShipper = (config: Config, edges: Edges): Service => {
  const { telemetry } = edges
  const ended = Promise.withResolvers<number>()
  // Callers that are interested have a handler of their own.
  ended.promise.catch(() => undefined)
  const parts: Parts = {}
  let isDraining = false
  /** The input has ended by itself, and `ended` has told its code. */
  let hasEnded = false
  const inFlight = () => (parts.spool === undefined ? 0 : parts.spool.pending + parts.spool.waiting)
  const ledger = createLedger({ stage: name, inFlight, metrics: telemetry.metrics })
  const fail = (error: unknown) => ended.reject(withExitCode(error))
  const run: Run = { config, edges, parts, ledger, fail, closing: new AbortController() }

  const watch = async (input: Input, intake: Intake, shipper: Shipper): Promise<number | undefined> => {
    await intake.done
    const code = await input.ended
    if (isDraining || config.hold) return undefined
    shipper.hurry()
    try {
      await shipper.idle()
    } catch (error) {
      // A stop whose drain left lines in the spool has its own exit code.
      if (isDraining) return undefined
      throw error
    }
    hasEnded = true
    const { dropped } = ledger.snapshot()
    return code === 0 && Object.keys(dropped).length > 0 ? exitCodes.data : code
  }

  return {
    name,
    telemetry,
    ended: ended.promise,
    start: async () => {
      const broker = await startBroker(run)
      const spool = await startSpool(run)
      const shipper = startShipping(run, broker, spool)
      const { input, intake } = await startInput(run, spool)
      shipper.failed.catch(fail)
      watch(input, intake, shipper).then((code) => {
        if (code !== undefined) ended.resolve(code)
      }, fail)
    },
    checks: ['spool', ...brokerChecks],
    notReady: () => notReady(parts, config),
    stopIntake: () => {
      isDraining = true
      return stopIntake(run)
    },
    finish: async () => parts.shipper?.idle(),
    flush: async () => {
      const exitCode = hasEnded ? 0 : ((await parts.input?.ended) ?? 0)
      if (exitCode !== 0) throw new ServiceError(`${parts.input?.what} ended with exit code ${exitCode}`, { exitCode })
    },
    close: () => close(run),
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      const broker = brokerInWords(brokerUrlOf(config))
      const what = parts.input?.what ?? 'standard input'
      return `waits for lines of ${what}; they go to ${config.topic} at ${broker}: MESSAGING_URL points at a real one`
    },
  }
}

const startBroker = async ({ config, edges, parts, fail, closing }: Run): Promise<LateBroker> => {
  const { clock, telemetry } = edges
  const open = async () => {
    const driver = await edges.openMessaging()
    observeBroker(driver, telemetry.metrics)
    parts.driver = driver
    return driver
  }
  const broker = lateBroker({ open, clock, log: telemetry.log, maxRetryDelayMs: config.maxRetryDelayMs })
  parts.broker = broker
  broker.failed.catch((fault: unknown) => {
    closing.abort(fault)
    fail(fault)
  })
  await broker.begun(brokerStartWaitMs)
  return broker
}

const startSpool = async ({ config, edges, parts, ledger }: Run): Promise<Spool> => {
  const { log, metrics } = edges.telemetry
  const onDamage = ({ lines, bytes }: Damage) => {
    // Found while opening, they are not among those replayed.
    if (parts.spool === undefined) ledger.received(lines)
    ledger.dropped('spool-damage', lines)
    log.error({ lines, bytes }, 'lines of the spool are damaged and cannot be read')
  }
  const { spoolMaxBytes: maxBytes, maxLineBytes, spoolSync: sync } = config
  const onDropped = config.whenFull === 'block' ? undefined : dropCounter({ ...edges, ledger })
  const spool = await openedSpool(async () => {
    // The checkpoints of files are kept in the folder, too.
    if (config.spool || config.files.length > 0) parts.folder = await edges.openSpoolFolder()
    if (!config.spool || parts.folder === undefined) return memorySpool()
    return openSpool({ disk: parts.folder.disk, clock: edges.clock, maxBytes, maxLineBytes, sync, onDamage, onDropped })
  })
  parts.spool = spool
  ledger.received(spool.pending)
  if (spool.pending > 0) log.info({ lines: spool.pending }, 'lines of an earlier run are shipped first')
  metrics.observe(commonMetrics.buffer_size_bytes, () => spool.sizeBytes, { component: name })
  return spool
}

const startShipping = (run: Run, { publisher, opened }: LateBroker, spool: Spool): Shipper => {
  const { config, edges, parts, ledger, closing } = run
  const { clock, telemetry } = edges
  const { topic, publishTimeoutMs, maxRetryDelayMs, batchCount, batchBytes, batchPeriodMs } = config
  const { signal } = closing
  const retrying = { publishTimeoutMs, maxRetryDelayMs, signal }
  const retryingPublisher = createRetryingPublisher({ publisher, opened, clock, telemetry, topic, ...retrying })
  parts.retryingPublisher = retryingPublisher
  const { source = hostname() } = config
  const { key = source, keyDelimiter } = config
  const shipper = startShipper({
    spool,
    retryingPublisher,
    messages: {
      ...{ topic, source, key, headers: { ...edges.fields, ...headersOf(config) } },
      split: keyDelimiter === undefined ? undefined : { delimiter: Buffer.from(keyDelimiter), otherwise: config.key },
    },
    clock,
    telemetry,
    ledger,
    batch: { count: batchCount, bytes: batchBytes, periodMs: batchPeriodMs },
  })
  // If each read waits for its publish, nothing more comes to fill a batch.
  if (!config.spool) shipper.hurry()
  parts.shipper = shipper
  return shipper
}

const startInput = async ({ config, edges, parts, ledger }: Run, spool: Spool) => {
  const { clock, telemetry, echo } = edges
  const input = await edges.openInput()
  parts.input = input
  const { chunks } = input
  const { maxLineBytes } = config
  const onLines = (count: number) =>
    telemetry.metrics.count(commonMetrics.component_received_events_total, count, { component: name })
  const { redact: kinds, redactKeys: keys, redactPattern: pattern } = config
  const redact = lineRedactor({ keys, kinds, pattern, maxLineBytes })
  const { multiline, multilineWaitMs: waitMs } = config
  const events =
    multiline === undefined ? undefined : { joiner: eventJoiner(new RegExp(multiline, 'u'), maxLineBytes), waitMs }
  const { exit } = input
  const { source = hostname() } = config
  const { key = source } = config
  const last = exit && (async () => exitLine(await exit(), { maxLineBytes, key, timeMs: clock.now() }))
  const intake = startIntake({ chunks, spool, maxLineBytes, redact, events, last, echo, clock, ledger, onLines })
  parts.intake = intake
  return { input, intake }
}

const stopIntake = async ({ edges, parts }: Run): Promise<void> => {
  const { input, intake, spool, shipper } = parts
  shipper?.hurry()
  if (input === undefined || intake === undefined) return
  input.stop()
  intake.hurry()
  if (input.graceMs > 0) await within(input.graceMs, intake.done, edges.clock)
  intake.stop()
  spool?.admitAll()
  await intake.done
}

const close = async ({ config, edges, parts, closing }: Run): Promise<void> => {
  const { log } = edges.telemetry
  closing.abort(new Error('the log shipper is closed'))
  const { shipper, spool, input, broker, folder } = parts
  const { pending = 0, waiting = 0 } = spool ?? {}
  if (pending > 0 && config.spool)
    log.warn({ lines: pending }, 'lines are left in the spool: the next run on it ships them')
  if (pending > 0 && !config.spool)
    log.error({ lines: pending }, 'lines were read and not published: give the input again')
  if (waiting > 0) log.error({ lines: waiting }, 'lines were read that the spool could not take')
  await Promise.all([input?.close(), shipper?.close()])
  await spool?.close()
  await folder?.close()
  await broker?.close()
}

const notReady = (
  { spool, broker, retryingPublisher, driver }: Parts,
  { whenFull }: Pick<Config, 'whenFull'>,
): readonly NotReady[] => {
  const outage = broker?.outage ?? retryingPublisher?.outage
  const reason = (full: Full) =>
    `${fullReasons[full]}: ${whenFull === 'block' ? 'no input is read' : 'lines are dropped'}`
  return [
    ...(spool?.full === undefined ? [] : [{ check: 'spool', reason: reason(spool.full) }]),
    ...(outage === undefined ? brokerNotReady(driver) : [{ check: 'broker', reason: outage }]),
  ]
}

const fullReasons = { bound: 'spoolMaxBytes is reached', disk: 'the disk is full' }

/** An error without a code of its own that stopped the intake is one of the disk or of the input. */
const withExitCode = (error: unknown): unknown =>
  error instanceof PublishError || (error instanceof Error && 'exitCode' in error)
    ? error
    : new ServiceError('lines cannot be taken in', { exitCode: exitCodes.io, cause: error })
