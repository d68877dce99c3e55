import * as z from 'zod'
import type { SinkOutcome } from './sink.ts'

const failure = z.union([
  z.string().transform((reason) => ({ type: 'error', reason })),
  z.object({ type: z.string().default('error'), reason: z.string().nullish() }),
])

const result = z.object({
  _index: z.string().optional(),
  _id: z.string().optional(),
  status: z.int().min(100).max(599),
  error: failure.optional(),
})

/** The query of `_bulk` that asks for no more than is read here: a large batch has a long answer. */
export const answerFields =
  'filter_path=errors,items.*._index,items.*._id,items.*.status,items.*.error.type,items.*.error.reason'

const bulkAnswer = z.object({ items: z.array(z.record(z.string(), z.unknown())) })

/** The result of one action. */
export type BulkResult = z.infer<typeof result>

/** The results of a `_bulk` answer, in order. Throws Error where the answer is not whole. */
export const bulkResults = (text: string): readonly BulkResult[] => {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error('the answer to _bulk is no JSON: it was cut, or no OpenSearch sent it', { cause: error })
  }
  const answer = bulkAnswer.safeParse(parsed)
  if (!answer.success) throw noResults()
  return answer.data.items.flatMap((item) => Object.values(item)).map(resultOf)
}

const noResults = () => new Error('the answer to _bulk has no results by item')

const resultOf = (value: unknown): BulkResult => {
  if (isSuccess(value)) return value
  const { data } = result.safeParse(value)
  if (data === undefined) throw noResults()
  return data
}

/** Nearly all results are one. They are told without the schema, which would cost more than the rest of the answer. */
const isSuccess = (value: unknown): value is BulkResult => {
  if (typeof value !== 'object' || value === null || 'error' in value) return false
  const { _index, _id, status } = value as Partial<Record<keyof BulkResult, unknown>>
  const areTexts =
    (_index === undefined || typeof _index === 'string') && (_id === undefined || typeof _id === 'string')
  return areTexts && (status === 200 || status === 201)
}

/** The document's id is taken: what is stored there decides. */
export const conflict = 'conflict'

const reasonCharacters = 500
/** The index takes no writes for now, such as on a disk that is nearly full: no fault of the document, whatever the status. */
const blocked = 'cluster_block_exception'
const busyStatuses: ReadonlySet<number> = new Set([429, 503])

/** Whether the status asks to come again later. */
export const isBusyStatus = (status: number): boolean => busyStatuses.has(status)

/** Outcome of an action by its result. Throws Error for a status that no action has. */
export const outcomeOf = ({ status, error }: BulkResult, retryAfterMs: number): SinkOutcome | typeof conflict => {
  if (status === 200 || status === 201) return 'written'
  const reason = `${error?.type ?? 'error'}: ${error?.reason ?? `status ${status}`}`.slice(0, reasonCharacters)
  if (isBusyStatus(status) || error?.type === blocked) return { busy: reason, retryAfterMs }
  if (status >= 500) return { busy: reason, retryAfterMs, suspect: true }
  if (status === 409) return conflict
  if (status >= 400) return { rejected: 'refused-by-index', problem: reason }
  throw new Error(`an item of the answer to _bulk has the status ${status}`)
}

const storedDocuments = z.object({
  docs: z.array(
    z.object({
      found: z.boolean().optional(),
      _source: z.object({ source: z.string().optional(), digest: z.string().optional() }).optional(),
    }),
  ),
})

/** A stored document as far as it tells a repeat from another event. */
export type StoredDocument = z.infer<typeof storedDocuments>['docs'][number]

/** The documents of an `_mget` answer, in order; undefined where it is not one. */
export const storedOf = (text: string): readonly StoredDocument[] | undefined => {
  try {
    return storedDocuments.parse(JSON.parse(text)).docs
  } catch {
    return undefined
  }
}
