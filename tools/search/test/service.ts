import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { type Config, settings } from '@armature/search-service/config'
import { importThings } from '@armature/search-service/import-things'
import { searchService } from '@armature/search-service/service'
import { openStore, type Store, type Thing } from '@armature/search-service/store'
import { testTelemetry } from '@armature/telemetry/telemetry'

const squareAt = (west: number) => [
  [west, 0],
  [west + 5, 0],
  [west + 5, 10],
  [west, 10],
  [west, 0],
]

/** 26 squares side by side along the equator, 5 degrees wide, 10 high: area a from 0 to 5 east, area b from 5 to 10, ... */
export const areas: readonly Thing[] = Array.from({ length: 26 }, (_, index) => ({
  name: `Area ${String.fromCharCode(97 + index)}`,
  code: `X${String.fromCharCode(65 + index)}`,
  geometry: JSON.stringify({ type: 'Polygon', coordinates: [squareAt(index * 5)] }),
}))

/** One for a test file: it takes seconds to open. */
export const openAreas = async (): Promise<Database> => {
  const database = await openEmbedded()
  await importThings(database, areas)
  return database
}

export interface StartOptions {
  readonly database: Database
  readonly config?: Partial<Config>
  /** Round the store. */
  readonly wrap?: (store: Store) => Store
}

/** The service, in this process. */
export const startSearch = async ({ database, config = {}, wrap = (store) => store }: StartOptions) => {
  const service = searchService(settings.parse({ statsdPort: 0, ...config }), {
    telemetry: testTelemetry('search-service'),
    openStore: async () => wrap(await openStore(withoutClose(database))),
  })
  await service.start()
  return { service, close: () => service.close() }
}

export type Running = Awaited<ReturnType<typeof startSearch>>
