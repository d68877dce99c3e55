import { readFile } from 'node:fs/promises'
import { problemLine } from '@armature/config/yaml-file'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { allPartsArrived, type CompletionPolicy } from './completion.ts'
import { allOf } from './condition.ts'
import type { Config } from './config.ts'
import { correlateBy } from './correlation.ts'
import { foldOf } from './fold.ts'
import { hasHeader, onePipeline, type PipelineSettings } from './one-pipeline.ts'
import type { PipelinePlan } from './pipeline.ts'
import { readPipelines } from './pipeline-file.ts'
import type { PipelineEntry, PipelineFile } from './pipeline-schema.ts'
import { sinkOf } from './sink-entry.ts'

/** The pipelines that the settings name: those of the file, else one. Rejects with ServiceError. */
export const pipelinesOf = async (config: Config): Promise<readonly PipelineSettings[]> => {
  const { pipelines: path } = config
  if (path === undefined) return [onePipeline(config)]
  const { pipelines } = await pipelineFile(path)
  return Promise.all(
    pipelines.map(async (entry) => ({
      plan: planOf(entry, config),
      messagingUrl: entry.input.messagingUrl ?? config.messagingUrl,
      sink: entry.sink === undefined ? config : await sinkOfEntry(entry, entry.sink, config, path),
    })),
  )
}

const sinkOfEntry = async (
  { name }: PipelineEntry,
  sink: NonNullable<PipelineEntry['sink']>,
  { databaseUrl }: Config,
  path: string,
): Promise<PipelineSettings['sink']> => {
  try {
    return await sinkOf(sink, databaseUrl)
  } catch (cause) {
    const fix = `Correct its sink in ${path}`
    throw new ServiceError(`the sink of pipeline ${name}`, { exitCode: exitCodes.config, fix, cause })
  }
}

/** The file, checked. Rejects with ServiceError, which lists all that is wrong with it. */
export const pipelineFile = async (path: string): Promise<PipelineFile> => {
  const { file, problems } = readPipelines(await sourceOf(path))
  if (file !== undefined) return file
  const lines = problems.map((problem) => problemLine(path, problem)).join('; ')
  throw new ServiceError(`the pipelines cannot be run: ${lines}`, {
    exitCode: exitCodes.config,
    fix: 'Correct the file; `aggregator lint FILE` checks it',
  })
}

/** The text of the file. Rejects with ServiceError where it cannot be read. */
export const sourceOf = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const fix = 'Name a file that this user may read'
    throw new ServiceError(`${path} cannot be read`, { exitCode: exitCodes.config, fix, cause })
  }
}

type Bounds = Pick<
  Config,
  'maxInFlight' | 'maxInFlightBytes' | 'maxOpenGroups' | 'maxWriteAttempts' | 'writeRetryDelayMs' | 'writeTimeoutMs'
>

/** The plan of one entry of the file. Its bounds are those of the settings if it has none of its own. */
export const planOf = (entry: PipelineEntry, bounds: Bounds): PipelinePlan => {
  const { name, input, filter, late } = entry
  return {
    name,
    topic: input.topic,
    group: input.group ?? `aggregator-${name}`,
    maxInFlight: input.maxInFlight ?? bounds.maxInFlight,
    maxInFlightBytes: input.maxInFlightBytes ?? bounds.maxInFlightBytes,
    filter: filter && allOf(filter),
    correlate: correlateBy(entry.correlateBy),
    policy: policyOf(entry),
    maxOpenGroups: entry.maxOpenGroups ?? bounds.maxOpenGroups,
    fold: entry.merge === 'list' ? undefined : foldOf(entry.merge),
    inOrder: entry.inOrder,
    late: late && { topic: late.topic, maxMessages: late.maxRememberedMessages },
    maxWriteAttempts: bounds.maxWriteAttempts,
    writeRetryDelayMs: bounds.writeRetryDelayMs,
    writeTimeoutMs: bounds.writeTimeoutMs,
  }
}

const policyOf = ({ complete: { header, last, partsHeader, ...policy } }: PipelineEntry): CompletionPolicy => {
  const specials = [...(header === undefined ? [] : [hasHeader(header)]), ...(last === undefined ? [] : [allOf(last)])]
  return {
    ...Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined)),
    ...(specials.length > 0 && { special: (message) => specials.some((isLast) => isLast(message)) }),
    ...(partsHeader !== undefined && { predicate: allPartsArrived(partsHeader) }),
  }
}
