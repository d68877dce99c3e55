import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '@armature/async/clock'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { SinkSettings } from './config.ts'
import { createOpensearchClient } from './opensearch-client.ts'
import { createOpensearchSink } from './opensearch-sink.ts'
import { preflight, PreflightError } from './opensearch-preflight.ts'
import { opensearchTarget } from './opensearch-target.ts'
import { installTemplate } from './opensearch-template.ts'
import type { Sink } from './sink.ts'

/** A sink with connections of its own. */
export interface OpenedSink {
  readonly sink: Sink
  /** Cuts what is under way. */
  close(): Promise<void>
}

export interface OpenOptions {
  readonly clock: Clock
  readonly warn: (problem: string) => void
  /** How long the server may take for all that is asked of it at the start. Default 30,000. */
  readonly startDeadlineMs?: number
}

const defaultStartDeadlineMs = 30_000

/**
 * Opens the sink that `SINK_URL` names, and installs its index template. Rejects with ServiceError: a setting is wrong, the credentials are
 * refused, the index may not be made, or the server does not answer.
 */
export const openOpensearch = async (
  config: SinkSettings & { readonly sinkUrl: string },
  { clock, warn, startDeadlineMs = defaultStartDeadlineMs }: OpenOptions,
): Promise<OpenedSink> => {
  const target = opensearchTarget(config.sinkUrl)
  checkSettings(config, target.wildcard)
  const client = createOpensearchClient({
    origin: target.origin,
    authorization: authorizationOf(config, target),
    ca: await certificates(config.sinkCa),
    maxConnections: config.sinkMaxConcurrency,
  })
  const deadline = AbortSignal.timeout(startDeadlineMs)
  try {
    if (config.sinkTemplate) {
      const { prefix, wildcard } = target
      await installTemplate({ client, prefix, wildcard, dataStream: config.sinkDataStream, warn }, deadline)
    }
    await preflight(client, target, new Date(clock.now()), deadline)
  } catch (cause) {
    await client.close()
    throw startFault(cause, target.origin)
  }
  const sink = createOpensearchSink({
    client,
    target,
    operation: config.sinkOperation,
    documentId: config.sinkDocumentId,
    versionHeader: config.sinkVersionHeader,
    maxWritesAtOnce: config.sinkMaxConcurrency,
    clock,
  })
  return { sink, close: () => client.close() }
}

const startFault = (cause: unknown, origin: string): ServiceError =>
  cause instanceof PreflightError
    ? new ServiceError(`the sink at ${origin}`, { exitCode: exitCodes.config, fix: cause.fix, cause })
    : new ServiceError(`the sink at ${origin} does not answer`, {
        exitCode: exitCodes.unavailable,
        fix: 'Start it, or correct SINK_URL (and SINK_CA for its certificate)',
        cause,
      })

const wrong = (problem: string, fix: string) => new ServiceError(problem, { exitCode: exitCodes.config, fix })

const checkSettings = (config: SinkSettings, wildcard: string): void => {
  const { sinkOperation: operation, sinkDocumentId: documentId, sinkVersionHeader: versionHeader } = config
  if (config.sinkDataStream && operation === 'index')
    throw wrong('a data stream takes no document twice', 'Set SINK_OPERATION=create, or leave SINK_DATA_STREAM out')
  if (config.sinkDataStream && wildcard.includes('*'))
    throw wrong('a data stream has one name', 'Leave % and {} out of the index in SINK_URL')
  if (versionHeader !== undefined && operation === 'create')
    throw wrong('a document that is only created has no versions', 'Set SINK_OPERATION=index')
  if (documentId === 'key' && versionHeader === undefined)
    throw wrong('without versions a late message of a key would replace a newer one', 'Set SINK_VERSION_HEADER')
  if (config.sinkApiKey !== undefined && config.sinkPassword !== undefined)
    throw wrong('SINK_API_KEY and SINK_PASSWORD are both set', 'Leave one of them out')
}

const authorizationOf = (
  { sinkApiKey, sinkPassword }: SinkSettings,
  { user, password }: { user: string | undefined; password: string | undefined },
): string | undefined => {
  if (sinkApiKey !== undefined) return `ApiKey ${sinkApiKey}`
  const secret = sinkPassword ?? password
  if (user === undefined && secret === undefined) return undefined
  if (user === undefined || user === '')
    throw wrong('SINK_PASSWORD has no user', 'Write it into SINK_URL: https://user@host:9200/...')
  if (secret === undefined)
    throw wrong('the user in SINK_URL has no password', 'Set SINK_PASSWORD or SINK_PASSWORD_FILE')
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
}

const certificates = async (path: string | undefined): Promise<string | undefined> => {
  if (path === undefined) return undefined
  try {
    const text = await readFile(path, 'utf8')
    // Node takes any text, and then trusts nobody.
    new X509Certificate(text)
    return text
  } catch (cause) {
    const fix = 'Set SINK_CA to a file of certificates (PEM) that this user may read'
    throw new ServiceError('SINK_CA holds no certificates', { exitCode: exitCodes.config, fix, cause })
  }
}
