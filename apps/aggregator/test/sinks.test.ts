import { systemClock } from '@armature/async/clock'
import { openDatabase } from '@armature/database/open'
import { skipped } from '@armature/servers/fixture'
import { startOpensearch } from '@armature/servers/opensearch'
import { startPostgres } from '@armature/servers/postgres'
import { describe } from 'vitest'
import { settings } from '../src/config.ts'
import { openOpensearch } from '../src/open-opensearch.ts'
import { openPostgresSink } from '../src/postgres-sink.ts'
import { searchEvents } from './search.ts'
import { sinkConformance } from './sink-conformance.ts'

describe.skipIf(skipped('postgres'))('over a real server', () =>
  sinkConformance('postgres', {
    start: () => startPostgres(),
    refusedBody: String.raw`{"n":"\u0000"}`,
    open: async (url) => {
      const database = await openDatabase(url)
      return {
        sink: await openPostgresSink(database),
        ids: async (topic) =>
          (await database.query<{ id: string }>('select id from event where topic = $1', [topic])).rows
            .map(({ id }) => id)
            .toSorted(),
        close: () => database.close(),
      }
    },
  }),
)

describe.skipIf(skipped('opensearch'))('over a real server', () =>
  sinkConformance('opensearch', {
    start: () => startOpensearch(),
    refusedBody: '{"n":{"of":"another type"}}',
    open: async (url) => {
      const sinkUrl = `${url.replace(/\/$/, '')}/logs-%Y.%m.%d`
      const config = { ...settings.parse({ sinkUrl }), sinkUrl }
      const opened = await openOpensearch(config, { clock: systemClock(), warn: (problem) => console.warn(problem) })
      return {
        sink: opened.sink,
        ids: async (topic) => (await searchEvents(url, 'logs-*', topic)).map(({ id }) => id).toSorted(),
        close: () => opened.close(),
      }
    },
  }),
)
