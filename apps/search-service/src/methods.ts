import { DatabaseError } from '@armature/database/database'
import { type CallContext, unary } from '@armature/service/grpc-handler'
import { StatusError } from '@armature/service/grpc-status'
import type { GrpcService } from '@armature/service/grpc-server'
import type { Logger } from '@armature/telemetry/logger'
import { type Metadata, status } from '@grpc/grpc-js'
import {
  type MonitorResponse,
  type OlderMonitorResponse,
  type OlderSearchRequest,
  type OlderSearchResponses,
  olderSearch,
  type SearchRequest,
  type SearchResponse,
  searchServiceV1,
} from '@armature/search-api/api'
import type { Finding } from './call-log.ts'
import { pageToken } from './page-token.ts'
import type { Wanted } from './search-sql.ts'
import type { FoundThing, Limits, Page, Store } from './store.ts'
import { wantedOf, wantedOfOlder } from './validate.ts'

export interface MethodsOptions {
  store: Store
  log: Logger
  /** Called with what each call found. */
  found: (metadata: Metadata, finding: Finding) => void
  /** Calls under way, this one included. */
  inFlight: () => number
  /** More calls at once are RESOURCE_EXHAUSTED: each waits for its turn in the database. */
  maxInFlight: number
}

/** Geometry on a page, in characters; the page ends after the thing that passes it. A client takes 4 MiB in one message. */
const maxGeometryLength = 1_500_000

/** Both APIs. */
export const searchMethods = ({ store, log, found, inFlight, maxInFlight }: MethodsOptions): readonly GrpcService[] => {
  const method = <Request, Response>(answer: (request: Request, context: CallContext) => Promise<Response>) =>
    unary<Request, Response>(log, async (request, context) => {
      if (inFlight() > maxInFlight) {
        throw new StatusError(status.RESOURCE_EXHAUSTED, `there are more than ${maxInFlight} calls at once: try later`)
      }
      try {
        return await answer(request, context)
      } catch (error) {
        throw asStatus(error, log, context)
      }
    })

  const search = async (wanted: Wanted, context: CallContext): Promise<Page> => {
    const page = fitting(await store.search(wanted, limitsOf(context)))
    found(context.metadata, { results: page.things.length, first: page.things })
    return page
  }
  const count = async (context: CallContext): Promise<number> => {
    const things = await store.count(limitsOf(context))
    found(context.metadata, { results: things })
    return things
  }

  return [
    {
      definition: searchServiceV1,
      implementation: {
        Search: method<SearchRequest, SearchResponse>(async (request, context) => {
          const wanted = wantedOf(request)
          const { things, more } = await search(wanted, context)
          const last = things.at(-1)
          return { results: things, next_page_token: more && last !== undefined ? pageToken(last.id, wanted) : '' }
        }),
        Monitor: method<object, MonitorResponse>(async (_request, context) => ({
          n_things: String(await count(context)),
        })),
      },
    },
    {
      definition: olderSearch,
      implementation: {
        search: method<OlderSearchRequest, OlderSearchResponses>(async (request, context) => {
          const { things } = await search(wantedOfOlder(request), context)
          return { responses: things.map(({ name }) => ({ response: name })) }
        }),
        monitor: method<object, OlderMonitorResponse>(async (_request, context) => ({
          n_things: Math.min(await count(context), maxInt32),
        })),
      },
    },
  ]
}

/** The caller's: what it no longer waits for is not to be worked on. */
const limitsOf = ({ signal, remainingMs }: CallContext): Limits => ({ signal, timeoutMs: remainingMs() })

const maxInt32 = 2 ** 31 - 1

/** The page as far as its geometry fits into one message. */
const fitting = ({ things, more }: Page): Page => {
  let length = 0
  const beyond = (thing: FoundThing): boolean => {
    const full = length >= maxGeometryLength
    length += thing.geometry.length
    return full
  }
  const end = things.findIndex(beyond)
  return end === -1 ? { things, more } : { things: things.slice(0, end), more: true }
}

/** SQLSTATE query_canceled, here by a timeout: the caller's own cancel is answered before. */
const stopped = '57014'

/** The classes of SQLSTATE that say the database cannot serve now: connection, resources, operator intervention. */
const outage = /^(08|53|57)/

const asStatus = (error: unknown, log: Logger, { path, signal }: CallContext): unknown => {
  if (signal.aborted) return new StatusError(status.CANCELLED, 'the client is gone')
  if (!(error instanceof DatabaseError) || !outage.test(error.code)) return error
  if (error.code === stopped) return new StatusError(status.DEADLINE_EXCEEDED, 'the search took too long')
  log.error({ err: error, path }, 'the database does not serve')
  return new StatusError(status.UNAVAILABLE, 'the database does not serve now')
}
