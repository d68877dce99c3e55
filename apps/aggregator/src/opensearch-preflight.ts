import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { answerFields, bulkResults, isBusyStatus } from './opensearch-answer.ts'
import type { OpensearchAnswer, OpensearchClient, OpensearchRequest } from './opensearch-client.ts'
import type { OpensearchTarget } from './opensearch-target.ts'

/** A fault that stops all messages, until somebody changes a setting: here or at the server. */
export class PreflightError extends Error {
  override readonly name = 'PreflightError'
  readonly fix: string

  constructor(problem: string, fix: string) {
    super(problem)
    this.fix = fix
  }
}

/** The server does not know who asks, or does not let them in. */
export const accessRefused = (status: number): PreflightError =>
  new PreflightError(
    `the server refuses the credentials (${status})`,
    'Correct the user in SINK_URL and SINK_PASSWORD, or SINK_API_KEY, or grant it the index',
  )

/** A request to `_bulk` that writes nothing: it deletes a document that nobody has, in an index where the next one would go. */
export const harmlessBulk = ({ prefix, checkIndex }: OpensearchTarget, now: Date): OpensearchRequest => {
  const action = { delete: { _index: checkIndex(now), _id: `check-${randomUUID()}` } }
  return {
    method: 'POST',
    path: `${prefix}/_bulk?${answerFields}`,
    contentType: 'application/x-ndjson',
    body: `${JSON.stringify(action)}\n`,
  }
}

const noIndex = 'index_not_found_exception'

/**
 * Resolves where the server takes documents, as far as it can be asked without one; also where it takes none for now. Rejects with
 * PreflightError where it will take none, and as the client does where it does not answer.
 */
export const preflight = async (
  client: OpensearchClient,
  target: OpensearchTarget,
  now: Date,
  signal: AbortSignal,
): Promise<void> => {
  const answer = await client.request(harmlessBulk(target, now), signal)
  const { status } = answer
  if (status === 401 || status === 403) throw accessRefused(status)
  if (isBusyStatus(status) || status >= 500) return
  const [result] = resultsOf(answer, target)
  // The name of an index that holds a field of the message is not known yet.
  if (result?.error?.type !== noIndex || target.index.includes('{')) return
  const index = target.checkIndex(now)
  const setting = await autoCreateSetting(client, target, signal)
  if (setting === undefined || mayBeMade(index, setting)) return
  throw new PreflightError(
    `the index ${index} is not there and may not be made: action.auto_create_index is ${setting}`,
    `Allow it by that setting of the cluster, or make the index; or correct the index in SINK_URL`,
  )
}

const resultsOf = ({ status, text }: OpensearchAnswer, { prefix }: OpensearchTarget) => {
  try {
    if (status === 200) return bulkResults(text)
  } catch {
    // Said below.
  }
  throw new PreflightError(
    `it answers ${status} to POST ${prefix}/_bulk, as no OpenSearch or Elasticsearch does`,
    'Correct host, port and path in SINK_URL',
  )
}

const settingName = 'action.auto_create_index'
const settingsAnswer = z.record(
  z.enum(['transient', 'persistent', 'defaults']),
  z.record(z.string(), z.unknown()).optional(),
)
const templatesAnswer = z.object({
  index_templates: z
    .array(z.object({ index_template: z.object({ allow_auto_create: z.boolean().optional() }) }))
    .optional(),
})

/** The setting of the cluster; undefined where it cannot be read, or a template may allow what it forbids. */
const autoCreateSetting = async (
  client: OpensearchClient,
  { prefix }: OpensearchTarget,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const read = async <T>(path: string, shape: z.ZodType<T>): Promise<T | undefined> => {
    const { status, text } = await client.request({ method: 'GET', path: `${prefix}${path}` }, signal)
    if (status !== 200) return undefined
    try {
      return shape.parse(JSON.parse(text))
    } catch {
      return undefined
    }
  }
  const settings = await read(
    `/_cluster/settings?include_defaults=true&flat_settings=true&filter_path=*.action*`,
    settingsAnswer,
  )
  const value =
    settings?.transient?.[settingName] ?? settings?.persistent?.[settingName] ?? settings?.defaults?.[settingName]
  if (typeof value !== 'string' || value === 'true') return undefined
  const filter = 'filter_path=index_templates.index_template.allow_auto_create'
  const templates = await read(`/_index_template?${filter}`, templatesAnswer)
  const { index_templates: all = [] } = templates ?? {}
  const isKnown = templates !== undefined && !all.some(({ index_template: one }) => one.allow_auto_create === true)
  return isKnown ? value : undefined
}

/** The setting is true, false, or patterns of which the first that fits decides: `+logs-*,-*`. */
const mayBeMade = (index: string, setting: string): boolean => {
  if (setting === 'false') return false
  for (const pattern of setting.split(',').map((text) => text.trim())) {
    const name = pattern.replace(/^[+-]/, '')
    const matcher = new RegExp(`^${name.split('*').map(escaped).join('.*')}$`)
    if (matcher.test(index)) return !pattern.startsWith('-')
  }
  return false
}

const escaped = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
