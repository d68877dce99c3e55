import type { Clock } from '@armature/async/clock'
import { elementAt } from '@armature/async/element-at'
import { createAdaptiveConcurrency, type Load } from './adaptive-concurrency.ts'
import {
  answerFields,
  type BulkResult,
  bulkResults,
  conflict,
  isBusyStatus,
  outcomeOf,
  storedOf,
} from './opensearch-answer.ts'
import type { OpensearchAnswer, OpensearchClient } from './opensearch-client.ts'
import { type BulkDocument, bulkDocument, type DocumentOptions } from './opensearch-document.ts'
import { harmlessBulk } from './opensearch-preflight.ts'
import type { OpensearchTarget } from './opensearch-target.ts'
import type { Sink, SinkItem, SinkOutcome } from './sink.ts'

export interface OpensearchSinkOptions extends DocumentOptions {
  readonly client: OpensearchClient
  readonly target: OpensearchTarget
  /** Requests with documents at once, at most; how many there are follows the server's latency. */
  readonly maxWritesAtOnce: number
  readonly clock: Clock
}

interface Place {
  /** The index of its item in the batch. */
  readonly index: number
  readonly document: BulkDocument
}

type Outcomes = Map<number, SinkOutcome>

/** Writes batches by `_bulk` of OpenSearch or Elasticsearch, a document an event. */
export const createOpensearchSink = (options: OpensearchSinkOptions): Sink => {
  const { client, target, maxWritesAtOnce, clock } = options
  const concurrency = createAdaptiveConcurrency({ maxAtOnce: maxWritesAtOnce, clock })

  const bulk = (body: string, signal: AbortSignal | undefined): Promise<OpensearchAnswer> =>
    client.request(
      { method: 'POST', path: `${target.prefix}/_bulk?${answerFields}`, contentType: 'application/x-ndjson', body },
      signal,
    )

  const check = async (signal?: AbortSignal): Promise<void> => {
    throwUnlessTaken(await client.request(harmlessBulk(target, new Date(clock.now())), signal))
  }

  /** Sends the documents by one request, or by more where that is refused as a whole; a document alone is then known. */
  const send = async (places: readonly Place[], outcomes: Outcomes, signal: AbortSignal | undefined): Promise<void> => {
    if (places.length === 0) return
    // The body is made once there is room, and not kept: a group that waits has its documents only.
    const answer = await concurrency.run(() => bulk(bodyOf(places), signal), loadOf, signal)
    if (answer.status === 200) return settle(places, answer, outcomes, signal)
    if (isBusyStatus(answer.status)) {
      const { retryAfterMs, status } = answer
      for (const { index } of places) outcomes.set(index, { busy: `the server answers ${status}`, retryAfterMs })
      return
    }
    if (answer.status !== 413 && answer.status !== 400) throw refusedAsAWhole(answer)
    if (places.length > 1) return sendHalves(places, refusedAsAWhole(answer), answer.status === 413, outcomes, signal)
    outcomes.set(
      elementAt(places, 0).index,
      answer.status === 413
        ? {
            rejected: 'too-large',
            problem: `the server takes no request of ${Buffer.byteLength(bodyOf(places))} bytes (413)`,
          }
        : { busy: refusedAsAWhole(answer).message, suspect: true },
    )
  }

  /** Only where the server takes others: else each document of each batch would be sent alone to a server that is out of order. */
  const sendHalves = async (
    places: readonly Place[],
    fault: Error,
    isCertain: boolean,
    outcomes: Outcomes,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    if (!isCertain) {
      await check(signal).catch((cause: unknown) => {
        throw new Error(`${fault.message}; the check of the sink failed too`, { cause })
      })
    }
    const middle = Math.ceil(places.length / 2)
    await send(places.slice(0, middle), outcomes, signal)
    await send(places.slice(middle), outcomes, signal)
  }

  const settle = async (
    places: readonly Place[],
    { text, retryAfterMs }: OpensearchAnswer,
    outcomes: Outcomes,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    let results: readonly BulkResult[]
    try {
      results = resultsFor(places, text)
    } catch (fault) {
      if (places.length > 1) return sendHalves(places, fault as Error, false, outcomes, signal)
      outcomes.set(elementAt(places, 0).index, { busy: (fault as Error).message, suspect: true })
      return
    }
    const taken: Taken[] = []
    for (const [at, result] of results.entries()) {
      const place = elementAt(places, at)
      const outcome = outcomeOf(result, retryAfterMs)
      if (outcome !== conflict) outcomes.set(place.index, outcome)
      else taken.push({ ...place, storedIn: result._index })
    }
    // A greater version is stored, or this one.
    if (options.versionHeader !== undefined) for (const { index } of taken) outcomes.set(index, 'duplicate')
    else await compare(client, target, taken, outcomes, signal)
  }

  return {
    write: async (batch, signal) => {
      const outcomes: Outcomes = new Map()
      await send(placesOf(batch, options, new Date(clock.now()).toISOString(), outcomes), outcomes, signal)
      return batch.map((_, index) => {
        const outcome = outcomes.get(index)
        if (outcome === undefined) throw new Error('an event has no outcome')
        return outcome
      })
    },
    check,
    maxWritesAtOnce,
  }
}

const bodyOf = (places: readonly Place[]): string => places.map(({ document }) => document.lines).join('')

/** An item that the server was busy for counts like a request. */
const loadOf = ({ status, text }: OpensearchAnswer): Load =>
  isBusyStatus(status) || text.includes('"status":429') ? 'busy' : 'ok'

const throwUnlessTaken = (answer: OpensearchAnswer): void => {
  if (answer.status !== 200) throw refusedAsAWhole(answer)
  for (const result of bulkResults(answer.text)) {
    const outcome = outcomeOf(result, 0)
    if (typeof outcome === 'object' && 'busy' in outcome)
      throw new Error(`the index takes nothing now: ${outcome.busy}`)
  }
}

const placesOf = (
  batch: readonly SinkItem[],
  options: DocumentOptions,
  receivedAt: string,
  outcomes: Outcomes,
): readonly Place[] => {
  const places: Place[] = []
  for (const [index, item] of batch.entries()) {
    const document = bulkDocument(item, options, receivedAt)
    if ('rejected' in document) outcomes.set(index, document)
    else places.push({ index, document })
  }
  return places
}

/** Throws Error where the answer is not one to these documents: what happened to them is then not known. */
const resultsFor = (places: readonly Place[], text: string): readonly BulkResult[] => {
  const results = bulkResults(text)
  if (results.length !== places.length)
    throw new Error(`the answer to _bulk has ${results.length} results for ${places.length} documents`)
  for (const [at, { _id, status }] of results.entries()) {
    if (_id !== undefined && _id !== elementAt(places, at).document.id)
      throw new Error('the answer to _bulk is for other documents')
    if (status < 200 || (status > 201 && status < 400))
      throw new Error(`an item of the answer to _bulk has the status ${status}`)
  }
  return results
}

interface Taken extends Place {
  readonly storedIn: string | undefined
}

/** The id of each is taken: by a repeat, which is then stored, or by another event. */
const compare = async (
  client: OpensearchClient,
  target: OpensearchTarget,
  taken: readonly Taken[],
  outcomes: Outcomes,
  signal: AbortSignal | undefined,
): Promise<void> => {
  if (taken.length === 0) return
  const docs = taken.map(({ document, storedIn }) => ({ _index: storedIn, _id: document.id }))
  const answer = await client.request(
    {
      method: 'POST',
      path: `${target.prefix}/_mget?_source_includes=source,digest`,
      contentType: 'application/json',
      body: JSON.stringify({ docs }),
    },
    signal,
  )
  if (answer.status >= 500 || isBusyStatus(answer.status)) throw refusedAsAWhole(answer)
  // A user who may write but not read has the server's word that the id is taken.
  const stored = answer.status === 200 ? storedOf(answer.text) : []
  if (stored === undefined) throw new Error('the answer to _mget is not whole')
  for (const [at, { index, document }] of taken.entries()) {
    const found = stored[at]?._source
    const isSame =
      found?.digest === undefined || (found.digest === document.digest && (found.source ?? '') === document.source)
    outcomes.set(index, isSame ? 'duplicate' : reused)
  }
}

const reused: SinkOutcome = {
  rejected: 'identity-reused',
  problem: 'a document of the same id is stored, of another source or with another body',
}

const shownCharacters = 300

const refusedAsAWhole = ({ status, text }: OpensearchAnswer): Error => {
  const remedy =
    status === 401 || status === 403 ? ': correct the user, SINK_PASSWORD or SINK_API_KEY, or grant it the index' : ''
  return new Error(`the server answers ${status}${remedy}: ${text.slice(0, shownCharacters)}`)
}
