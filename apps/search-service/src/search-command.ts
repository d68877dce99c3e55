import { choice, decimal, durationMs, integer, text, toggle } from '@armature/config/settings'
import { command, type ConfigOf } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { status } from '@grpc/grpc-js'
import { z } from 'zod'
import type { SearchRequest, SearchResult } from './api.ts'
import { openSearchClient } from './client.ts'

const settings = z.object({
  address: text().optional().meta({ description: 'HOST:PORT of the server', env: 'SEARCH_ADDRESS' }),
  lat: decimal({ min: -90, max: 90 }).optional().meta({ description: 'Latitude in degrees', env: 'SEARCH_LAT' }),
  lng: decimal({ min: -180, max: 180 }).optional().meta({ description: 'Longitude in degrees', env: 'SEARCH_LNG' }),
  query: text().max(256).optional().meta({ description: 'Part of the name', env: 'SEARCH_QUERY' }),
  count: integer({ min: 1, max: 100 }).default(10).meta({ description: 'Results at most', env: 'SEARCH_COUNT' }),
  geometry: toggle().default(false).meta({ description: 'Print outlines too, as GeoJSON', env: 'SEARCH_GEOMETRY' }),
  monitor: toggle().default(false).meta({ description: 'Tell how many things there are', env: 'SEARCH_MONITOR' }),
  format: choice(['text', 'json']).default('text').meta({ description: 'How to print', env: 'SEARCH_FORMAT' }),
  timeoutMs: durationMs({ min: 1 })
    .default(10_000)
    .meta({ description: 'Time for the answer, in milliseconds', flag: 'timeout', env: 'SEARCH_TIMEOUT_MS' }),
})

type Asked = ConfigOf<typeof settings>

/** `search-service search`: one call of a running server. A line a result on stdout: code, name and, where asked for, outline. */
export const searchCommand = command({
  summary: 'Ask a running server: --lat and --lng, --query, or --monitor',
  settings,
  run: async (asked, { stdout, signal }) => {
    const { address, timeoutMs } = asked
    if (address === undefined) throw usage('no server is named', 'Name it by --address HOST:PORT (env SEARCH_ADDRESS)')
    const request = requestOf(asked)
    const client = openSearchClient(address, { deadlineMs: timeoutMs })
    try {
      if (asked.monitor) {
        const nThings = await client.monitor({ signal })
        stdout.write(asked.format === 'json' ? `${JSON.stringify({ nThings })}\n` : `${nThings}\n`)
      } else {
        const { results } = await client.search(request, { signal })
        stdout.write(results.map((result) => lineOf(result, asked)).join(''))
      }
      return exitCodes.ok
    } catch (error) {
      throw explained(error, address)
    } finally {
      client.close()
    }
  },
})

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
  UNAVAILABLE: [exitCodes.unavailable, 'Check --address and that the server runs'],
  DEADLINE_EXCEEDED: [exitCodes.unavailable, 'Check --address, or allow more time by --timeout'],
  UNIMPLEMENTED: [exitCodes.unavailable, 'Check that --address is the gRPC address of search-service'],
  RESOURCE_EXHAUSTED: [exitCodes.temporary, 'Try again later, or ask for less'],
  CANCELLED: [exitCodes.temporary, 'Try again'],
}
