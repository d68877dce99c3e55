import type { Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { choice, decimal, durationMs, integer, text, toggle } from '@armature/config/settings'
import { command, type ConfigOf } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { status } from '@grpc/grpc-js'
import * as z from 'zod'
import type { SearchRequest, SearchResult } from '@armature/search-api/api'
import { openSearchServer, type SearchServer, serverSettings } from './search-server.ts'

const settings = z.object({
  ...serverSettings,
  lat: decimal({ min: -90, max: 90 }).optional().meta({ description: 'Latitude in degrees', env: 'SEARCH_LAT' }),
  lng: decimal({ min: -180, max: 180 }).optional().meta({ description: 'Longitude in degrees', env: 'SEARCH_LNG' }),
  query: text().max(256).optional().meta({ description: 'Part of the name to search for', env: 'SEARCH_QUERY' }),
  count: integer({ min: 1, max: 100 }).default(10).meta({ description: 'Most results', env: 'SEARCH_COUNT' }),
  geometry: toggle().default(false).meta({ description: 'Print outlines too, as GeoJSON', env: 'SEARCH_GEOMETRY' }),
  monitor: toggle().default(false).meta({ description: 'Print how many things there are', env: 'SEARCH_MONITOR' }),
  watch: toggle()
    .default(false)
    .meta({ description: 'Ask every --interval-ms, and print the answer when it changes', env: 'SEARCH_WATCH' }),
  intervalMs: durationMs({ min: 10 })
    .default(2_000)
    .meta({ description: 'Interval of --watch, in milliseconds', env: 'SEARCH_INTERVAL_MS' }),
  format: choice(['text', 'json']).default('text').meta({ description: 'Format of the output', env: 'SEARCH_FORMAT' }),
  timeoutMs: durationMs({ min: 1 })
    .default(10_000)
    .meta({ description: 'Timeout of the answer, in milliseconds', flag: 'timeout', env: 'SEARCH_TIMEOUT_MS' }),
})

type Asked = ConfigOf<typeof settings>

/** `armature-search find`: asks a running server. A line a result on stdout: code, name and, where asked for, outline. */
export const findCommand = command({
  summary: 'Ask a running server: --lat and --lng, --query, or --monitor',
  settings,
  run: async (asked, { stdout, stderr, signal }) => {
    const request = requestOf(asked)
    const server = await openSearchServer(asked, asked.timeoutMs)
    try {
      if (asked.watch)
        await watch({ ask: () => answerOf(server, request, asked, signal), asked, stdout, stderr, signal })
      else stdout.write(await answerOf(server, request, asked, signal))
      return exitCodes.ok
    } finally {
      server.close()
    }
  },
})

/** The answer as it is printed. */
const answerOf = async (
  server: SearchServer,
  request: Partial<SearchRequest>,
  asked: Asked,
  signal: AbortSignal,
): Promise<string> => {
  try {
    if (asked.monitor) {
      const nThings = await server.monitor({ signal })
      return asked.format === 'json' ? `${JSON.stringify({ nThings })}\n` : `${nThings}\n`
    }
    const { results } = await server.search(request, { signal })
    return results.map((result) => lineOf(result, asked)).join('')
  } catch (error) {
    throw explained(error, server.address)
  }
}

interface Watched {
  readonly ask: () => Promise<string>
  readonly asked: Asked
  readonly stdout: Writable
  readonly stderr: Writable
  readonly signal: AbortSignal
}

/** Asks until it is stopped. A server that is away is reported once and asked again, since it may come back. */
const watch = async ({ ask, asked, stdout, stderr, signal }: Watched): Promise<void> => {
  let [last, problem]: (string | undefined)[] = []
  while (!signal.aborted) {
    try {
      const answer = await ask()
      if (answer !== last) stdout.write(answer === '' ? nothing(asked) : answer)
      ;[last, problem] = [answer, undefined]
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ServiceError) || error.exitCode === exitCodes.usage) throw error
      if (problem !== error.message) stderr.write(`${error.message}; asking again\n`)
      problem = error.message
    }
    await pause(asked.intervalMs, undefined, { signal }).catch(() => undefined)
  }
}

/** An answer without results is printed too, since that is news as well. */
const nothing = ({ format }: Asked): string => (format === 'json' ? 'null\n' : '(no result)\n')

const usage = (message: string, fix: string) => new ServiceError(message, { exitCode: exitCodes.usage, fix })

const requestOf = ({ lat, lng, query = '', count, geometry, monitor }: Asked): Partial<SearchRequest> => {
  if ((lat === undefined) !== (lng === undefined)) {
    throw usage('a point needs both coordinates', 'Give --lat and --lng, or neither')
  }
  const asksNothing = lat === undefined && query === ''
  if (monitor !== asksNothing) {
    throw usage(
      monitor ? '--monitor goes with no search' : 'nothing is asked',
      'Give --lat and --lng, --query, or both of these, or --monitor alone',
    )
  }
  const point = lat === undefined || lng === undefined ? null : { lat, lng }
  return { point, query, page_size: count, with_geometry: geometry }
}

const lineOf = ({ id, name, code, geometry }: SearchResult, { format, geometry: wanted }: Asked): string => {
  if (format === 'json') return `${JSON.stringify({ id, name, code, ...(wanted ? { geometry } : {}) })}\n`
  return `${[code === '' ? '-' : code, name, ...(wanted ? [geometry] : [])].join('\t')}\n`
}

const explained = (error: unknown, address: string): unknown => {
  if (!(error instanceof Error) || !('code' in error) || !('details' in error)) return error
  const { code, details } = error
  const name = status[code as status] ?? 'UNKNOWN'
  const [exitCode, fix] = fixes[name] ?? [exitCodes.unavailable, "The server's log says more"]
  return new ServiceError(`${address} answered ${name}: ${String(details)}`, { exitCode, fix })
}

const fixes: Readonly<Record<string, readonly [exitCode: number, fix: string]>> = {
  INVALID_ARGUMENT: [exitCodes.usage, 'Correct what it names'],
  UNAVAILABLE: [exitCodes.unavailable, 'Check --address, --tls and that the server runs'],
  DEADLINE_EXCEEDED: [exitCodes.unavailable, 'Check --address, or allow more time by --timeout'],
  UNIMPLEMENTED: [exitCodes.unavailable, 'Check that --address is the gRPC address of search-service'],
  RESOURCE_EXHAUSTED: [exitCodes.temporary, 'Try again later, or ask for less'],
  CANCELLED: [exitCodes.temporary, 'Try again'],
}
