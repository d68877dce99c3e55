import { setImmediate } from 'node:timers/promises'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Logger } from '@armature/telemetry/logger'
import type { Monitor } from '../rules/monitor.ts'
import type { Parsed, Refused, Sample } from './sample.ts'

/** Samples evaluated at once before others get their turn. */
const sliceLength = 500

/** The end of the way of samples: into the monitor and the books. */
export interface SampleTaker {
  evaluate(sample: Sample): void
  /** What could not be read; each is counted by its reason. */
  refuse(refused: readonly Refused[]): void
  /** Counts all of it as received, then takes it in slices, between which I/O runs. */
  takeAll(parsed: Parsed): Promise<void>
  /** Samples of `takeAll` that are not evaluated yet. */
  readonly inFlight: number
}

export interface SampleTakerOptions {
  readonly monitor: Pick<Monitor, 'observe'>
  /** Of the collector that the samples come from. It is asked for with each sample. */
  readonly ledger: () => Ledger
  readonly log: Logger
}

/** Takes samples for one collector. */
export const createSampleTaker = ({ monitor, ledger, log }: SampleTakerOptions): SampleTaker => {
  const evaluate = (sample: Sample) => {
    const outcome = monitor.observe(sample)
    if (outcome === 'evaluated') ledger().acked()
    else ledger().dropped(outcome)
  }

  const refuse = (refused: readonly Refused[]) => {
    for (const { reason, excerpt } of refused) {
      ledger().dropped(`malformed-${reason}`)
      log.debug({ reason, excerpt }, 'malformed sample')
    }
  }

  let inFlight = 0

  return {
    evaluate,
    refuse,
    takeAll: async ({ samples, refused }) => {
      ledger().received(samples.length + refused.length)
      refuse(refused)
      inFlight += samples.length
      for (const [place, sample] of samples.entries()) {
        if (place % sliceLength === sliceLength - 1) await setImmediate()
        inFlight -= 1
        evaluate(sample)
      }
    },
    get inFlight() {
      return inFlight
    },
  }
}
