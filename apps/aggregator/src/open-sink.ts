import type { Driver } from '@armature/messaging/ports'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { SinkSettings } from './config.ts'
import { openFileSink } from './file-sink.ts'
import { fileTarget } from './file-target.ts'
import { openOpensearch, type OpenedSink, type OpenOptions } from './open-opensearch.ts'
import { opensearchTarget } from './opensearch-target.ts'
import { sinkKindOf } from './sink-url.ts'
import { createTopicSink } from './topic-sink.ts'

export interface OpenSinkOptions extends OpenOptions {
  /** Opens the broker of a topic. */
  readonly openMessaging: (url: string) => Promise<Driver>
}

/** Opens the sink that the URL names. Rejects with ServiceError, and as the broker's driver does. */
export const openSinkByUrl = async (
  settings: SinkSettings & { readonly sinkUrl: string },
  options: OpenSinkOptions,
): Promise<OpenedSink> => {
  const { sinkUrl, sinkTopic } = settings
  const kind = sinkKindOf(sinkUrl)
  if (kind !== 'topic' && sinkTopic !== undefined)
    throw wrong('SINK_TOPIC is set, and the sink is no broker', 'Leave SINK_TOPIC out, or let SINK_URL name a broker')
  if (kind === 'opensearch') return openOpensearch(settings, options)
  if (kind === 'file') return openFile(sinkUrl, options)
  if (sinkTopic === undefined) throw wrong('the sink is a broker, and no topic is named', 'Set SINK_TOPIC')
  try {
    checkTopic(sinkTopic)
  } catch (cause) {
    throw wrong('SINK_TOPIC is no topic', 'Correct SINK_TOPIC', cause)
  }
  const driver = await options.openMessaging(sinkUrl)
  return { sink: createTopicSink(driver, sinkTopic), close: () => driver.close() }
}

const openFile = async (url: string, { clock }: OpenSinkOptions): Promise<OpenedSink> => {
  const target = fileTarget(url)
  try {
    return await openFileSink(target, clock)
  } catch (cause) {
    const fix = 'Let SINK_URL name a folder that this user may write, on a disk that has room'
    throw new ServiceError(`the folder ${target.folder} cannot be used`, { exitCode: exitCodes.io, fix, cause })
  }
}

const wrong = (problem: string, fix: string, cause?: unknown) =>
  new ServiceError(problem, { exitCode: exitCodes.config, fix, cause })

/** The place where the sink stores, in words without a password. */
export const sinkInWords = ({ sinkUrl, sinkTopic }: SinkSettings & { readonly sinkUrl: string }): string => {
  const kind = sinkKindOf(sinkUrl)
  if (kind === 'file') return `files of ${fileTarget(sinkUrl).folder}`
  if (kind === 'topic') return `the topic ${sinkTopic}`
  const { origin, index } = opensearchTarget(sinkUrl)
  return `the index ${index} at ${origin}`
}
