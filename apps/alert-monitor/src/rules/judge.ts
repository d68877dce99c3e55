import type { Judgement } from '@armature/anomaly/detector'
import type { Sample } from '../collect/sample.ts'

/** The judgement of a rule on a series at a moment. `value` and `threshold` tell why. They are in the metric's unit. */
export interface Verdict {
  readonly active: boolean
  readonly value: number
  readonly threshold: number
  /** Of an anomaly that the detector of libs/anomaly found: what it expected, and how often the like was seen. */
  readonly explanation?: Judgement
}

/** Which part of a rule a series feeds. Only a ratio has a denominator. */
export type Part = 'value' | 'denominator'

/** One rule at work on one series, or on those that make one ratio. All times are steady milliseconds. */
export interface Judge {
  /** Takes a sample; `value` is absolute, also of a gauge. A verdict is given where the sample decides by itself; `full` where there was no room. */
  add(sample: Pick<Sample, 'weight' | 'member'>, value: number, atMs: number, part: Part): Verdict | 'full' | undefined
  /** The verdict now. Undefined if there is not enough to judge by. */
  verdict(nowMs: number): Verdict | undefined
  /** Gives back its room. */
  close(): void
}
