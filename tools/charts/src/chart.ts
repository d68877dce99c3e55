import type { ChartFacts } from './chart-facts.ts'
import type { AppSettings } from './app-settings.ts'
import type { MeasuredMemory } from './measured-memory.ts'

/** All that the chart of one app follows from. */
export interface Chart {
  readonly facts: ChartFacts
  readonly settings: AppSettings
  readonly memory: MeasuredMemory
  /** The memory of the log shipper, which may be around the app. */
  readonly shipperMemory: MeasuredMemory
  /** Of the app and of its image. */
  readonly version: string
}
