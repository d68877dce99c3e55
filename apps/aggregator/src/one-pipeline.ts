import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { allPartsArrived, type CompletionPolicy } from './completion.ts'
import type { Config, SinkSettings } from './config.ts'
import { type Correlate, correlateBy } from './correlation.ts'
import { FieldError } from './field.ts'
import type { PipelinePlan } from './pipeline.ts'

/** One pipeline with its ends. */
export interface PipelineSettings {
  readonly plan: PipelinePlan
  readonly messagingUrl: string
  readonly sink: SinkSettings & { readonly databaseUrl: string }
}

/** The pipeline that flags and variables describe. Throws ServiceError where they do not fit. */
export const onePipeline = (config: Config): PipelineSettings => ({
  messagingUrl: config.messagingUrl,
  sink: config,
  plan: {
    name: 'aggregator',
    topic: config.topic,
    group: config.group,
    maxInFlight: config.maxInFlight,
    maxInFlightBytes: config.maxInFlightBytes,
    correlate: correlation(config),
    policy: policyOf(config),
    maxOpenGroups: config.maxOpenGroups,
    inOrder: config.inOrder,
    late:
      config.lateTopic === undefined
        ? undefined
        : { topic: config.lateTopic, maxMessages: config.maxRememberedMessages },
    maxWriteAttempts: config.maxWriteAttempts,
    writeRetryDelayMs: config.writeRetryDelayMs,
    writeTimeoutMs: config.writeTimeoutMs,
  },
})

const correlation = ({ correlateBy: text }: Config): Correlate => {
  try {
    return correlateBy(text)
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    const fix = 'Correct --correlate-by (env CORRELATE_BY)'
    throw new ServiceError(error.message, { exitCode: exitCodes.config, fix, cause: error })
  }
}

const policyOf = (config: Config): CompletionPolicy => {
  const { completeInactivityMs: inactivityMs, completeHeader, partsHeader } = config
  return {
    count: config.completeCount,
    bytes: config.completeBytes,
    periodMs: config.completePeriodMs,
    ...(inactivityMs === undefined ? {} : { inactivityMs }),
    ...(completeHeader === undefined ? {} : { special: hasHeader(completeHeader) }),
    ...(partsHeader === undefined ? {} : { predicate: allPartsArrived(partsHeader) }),
  }
}

/** A condition: the message has the header. */
export const hasHeader =
  (name: string): NonNullable<CompletionPolicy['special']> =>
  ({ headers }) =>
    Object.hasOwn(headers, name.toLowerCase())
