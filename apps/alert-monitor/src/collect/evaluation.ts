import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Handler, Middleware } from '@armature/messaging/ports'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Logger } from '@armature/telemetry/logger'
import { createIntake } from './intake.ts'
import type { Monitor } from '../rules/monitor.ts'
import { parseSampleBody } from './sample-body.ts'
import { refuse, type Parsed, type Sample } from './sample.ts'
import { countLines, parseStatsd } from './statsd.ts'
import { createSampleTaker } from './take-samples.ts'

export interface EvaluationOptions {
  readonly monitor: Pick<Monitor, 'observe'>
  /** Counts samples; one that is refused is `malformed-<reason>`. */
  readonly ledger: (inFlight: () => number) => Ledger
  readonly log: Logger
  readonly maxQueuedSamples: number
  /** The bound of all packets whose samples wait. */
  readonly maxQueuedSampleBytes: number
  /** Handles a message from which nothing can be read. */
  readonly deadLetter: Middleware
  /** Reads messages that were not written for the monitor. What cannot be read of them is counted, not dead-lettered. Default: they were. */
  readonly readForeign?: ((message: Message) => Parsed) | undefined
}

/** The way of samples into the monitor, with the books of it. */
export interface Evaluation {
  readonly ledger: Ledger
  /** A UDP packet of StatsD lines: queued, evaluated soon. */
  packet(packet: Uint8Array): void
  /** Lines of a connection: queued as room is found. Resolves once all are, so that the sender waits instead of losing them. */
  lines(lines: Uint8Array): Promise<void>
  /** A line of a connection that is too long to be read. */
  tooLong(): void
  /** A UDP packet that is too long to be read. */
  oversized(packet: Uint8Array): void
  /** A message of samples: acknowledged once all of it is evaluated; dead-lettered if nothing of it can be read. */
  readonly handle: Handler
  /** Resolves when no queued sample waits. */
  idle(): Promise<void>
}

/** Nothing is evaluated until a packet or message comes. */
export const createEvaluation = ({
  monitor,
  log,
  deadLetter,
  readForeign,
  ...options
}: EvaluationOptions): Evaluation => {
  let settling = 0
  /** Samples of connections that wait for room. */
  let waiting = 0

  const { evaluate, refuse: dropRefused } = createSampleTaker({ monitor, ledger: () => ledger, log })
  const intake = createIntake<Sample>({
    maxQueued: options.maxQueuedSamples,
    maxQueuedBytes: options.maxQueuedSampleBytes,
    take: evaluate,
  })
  const ledger = options.ledger(() => intake.size + settling + waiting)

  const refuseMessage = deadLetter(({ topic }) =>
    Promise.reject(new UnrecoverableError('no-sample', `the message on ${topic} holds no sample that can be read`)),
  )

  return {
    ledger,
    packet: (packet) => {
      const { samples, refused } = parseStatsd(packet)
      ledger.received(samples.length + refused.length)
      dropRefused(refused)
      const bytesEach = packet.length / samples.length
      for (const sample of samples) if (!intake.offer(sample, bytesEach)) ledger.dropped('queue-full')
    },
    lines: async (lines) => {
      const { samples, refused } = parseStatsd(lines)
      ledger.received(samples.length + refused.length)
      dropRefused(refused)
      const bytesEach = lines.length / samples.length
      waiting += samples.length
      for (const sample of samples) {
        while (!intake.offer(sample, bytesEach)) await intake.idle()
        waiting -= 1
      }
    },
    tooLong: () => {
      ledger.received()
      dropRefused([refuse('too-long', '')])
    },
    oversized: (packet) => {
      const lines = Math.max(1, countLines(packet))
      ledger.received(lines)
      ledger.dropped('packet-too-large', lines)
    },
    handle: async (delivery) => {
      const { samples, refused } = readForeign?.(delivery) ?? parseSampleBody(delivery.body)
      const count = samples.length + refused.length
      ledger.received(count)
      // A wildcard matches dead-letter topics too; what lies there was refused once.
      if (isDeadLetterTopic(delivery.topic)) return ledger.dropped('dead-letter-topic', count)
      if (samples.length > 0 || refused.length === 0 || readForeign !== undefined) {
        dropRefused(refused)
        for (const sample of samples) evaluate(sample)
        return
      }
      settling += count
      try {
        await refuseMessage(delivery)
        ledger.deadLettered(count)
      } catch (error) {
        ledger.returned(count)
        throw error
      } finally {
        settling -= count
      }
    },
    idle: () => intake.idle(),
  }
}
