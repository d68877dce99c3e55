import { Writable } from 'node:stream'
import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { createTelemetry } from '@armature/telemetry/telemetry'
import { Client, credentials, type ServiceDefinition } from '@grpc/grpc-js'
import { olderSearch, searchServiceV1 } from '@armature/search-api/api'
import { callWith } from '@armature/search-api/client'
import { type Config, settings } from '../src/config.ts'
import { importThings } from '../src/import-things.ts'
import { type Edges, searchService } from '../src/service.ts'
import { openStore, type Store, type Thing } from '../src/store.ts'

/** 26 squares side by side along the equator, 5 degrees wide, 10 high: area a from 0 to 5 east, area b from 5 to 10, ... */
export const areas: readonly Thing[] = Array.from({ length: 26 }, (_, index) => {
  const [west, east] = [index * 5, index * 5 + 5]
  return {
    name: `Area ${String.fromCharCode(97 + index)}`,
    code: `X${String.fromCharCode(65 + index)}`,
    geometry: JSON.stringify({
      type: 'Polygon',
      coordinates: [
        [
          [west, 0],
          [east, 0],
          [east, 10],
          [west, 10],
          [west, 0],
        ],
      ],
    }),
  }
})

/** One for a test file: it takes seconds to open. */
export const openAreas = async (): Promise<Database> => {
  const database = await openEmbedded()
  await importThings(database, areas)
  return database
}

export interface LogLine {
  readonly event?: string
  readonly eventId?: string
  readonly requestId?: string
  readonly method?: string
  readonly status?: string
  readonly results?: number
  readonly [field: string]: unknown
}

export interface StartOptions extends Omit<Partial<Edges>, 'telemetry' | 'openStore'> {
  database: Database
  config?: Partial<Config>
  /** Round the store. */
  wrap?: (store: Store) => Store
}

/** The service as it runs, but for its log, which is kept. */
export const startSearch = async ({
  database,
  config: wanted = {},
  wrap = (store) => store,
  ...edges
}: StartOptions) => {
  const config = settings.parse({ statsdPort: 0, ...wanted })
  const written: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString())
      done()
    },
  })
  const telemetry = createTelemetry({ service: 'search-service', config, destination })
  const service = searchService(config, {
    ...edges,
    telemetry,
    openStore: async () => wrap(await openStore(withoutClose(database))),
  })
  await service.start()
  const client = new Client(service.address, credentials.createInsecure())
  const callsOf = (definition: ServiceDefinition) => callWith(client, definition, 20_000)

  return {
    service,
    telemetry,
    client,
    v1: callsOf(searchServiceV1),
    older: callsOf(olderSearch),
    /** Sends these bytes as the message of a call, whatever they are. */
    raw: async (path: string, bytes: Buffer): Promise<Buffer> => {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
      client.makeUnaryRequest(
        path,
        (given: Buffer) => given,
        (got: Buffer) => got,
        bytes,
        (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error as Error)),
      )
      return promise
    },
    lines: (): readonly LogLine[] =>
      written
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LogLine),
    /** The drain as the lifecycle does it. */
    drain: async () => {
      await service.deregister?.()
      await service.stopIntake?.()
      await service.finish?.()
      await service.close()
    },
    close: async () => {
      client.close()
      await service.close()
      await telemetry.close()
    },
  }
}

export type Running = Awaited<ReturnType<typeof startSearch>>
