import type { OpensearchClient } from './opensearch-client.ts'
import { accessRefused } from './opensearch-preflight.ts'

export interface TemplateOptions {
  readonly client: OpensearchClient
  /** The path before the API's. */
  readonly prefix: string
  /** The indices that it is for: `logs-*`. */
  readonly wildcard: string
  readonly dataStream: boolean
  /** Called with one sentence that says why there is no template; the sink works without one. */
  readonly warn: (problem: string) => void
}

/** Below those that others make: a template of theirs for the same indices wins. */
const priority = 1

/**
 * Installs the index template and mapping of an event where there is none of its name; an existing one is never changed. Rejects when the
 * server does not answer, and with PreflightError when it refuses the credentials.
 */
export const installTemplate = async (options: TemplateOptions, signal?: AbortSignal): Promise<void> => {
  const { client, prefix, wildcard, dataStream, warn } = options
  const name = `armature-${wildcard.replaceAll('*', 'x')}`
  const path = `${prefix}/_index_template/${encodeURIComponent(name)}`
  const there = await client.request({ method: 'HEAD', path }, signal)
  if (there.status === 401) throw accessRefused(401)
  if (there.status === 200) return
  if (!/[a-z0-9]/.test(wildcard)) return warn('no index template is installed: it would be one for every index')
  const made = await client.request(
    {
      method: 'PUT',
      path: `${path}?create=true`,
      contentType: 'application/json',
      body: JSON.stringify(indexTemplate(wildcard, dataStream)),
    },
    signal,
  )
  if (made.status === 200) return
  const now = await client.request({ method: 'HEAD', path }, signal)
  if (now.status === 200) return
  warn(`the index template ${name} was not installed, the server answers ${made.status}: ${made.text.slice(0, 300)}`)
}

const keyword = { type: 'keyword', ignore_above: 1024 }

/** The mapping of an event, and of the fields of a log line in its body. */
const indexTemplate = (wildcard: string, dataStream: boolean) => ({
  index_patterns: [wildcard],
  priority,
  ...(dataStream ? { data_stream: {} } : {}),
  template: {
    mappings: {
      dynamic_templates: [{ strings: { match_mapping_type: 'string', mapping: keyword } }],
      // A text that looks like a date today must not refuse another one tomorrow.
      date_detection: false,
      properties: {
        '@timestamp': { type: 'date' },
        received_at: { type: 'date' },
        id: keyword,
        source: keyword,
        topic: keyword,
        key: keyword,
        correlation_key: keyword,
        digest: { type: 'keyword', index: false, doc_values: false },
        text: { type: 'text' },
        body: { properties: { msg: { type: 'text' }, message: { type: 'text' } } },
      },
    },
  },
})
