import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@armature/async/clock'
import { openDatabase } from '@armature/database/open'
import { skipped } from '@armature/servers/fixture'
import { openDriver } from '@armature/messaging-drivers/open'
import { startNats } from '@armature/servers/nats'
import { startOpensearch } from '@armature/servers/opensearch'
import { startPostgres } from '@armature/servers/postgres'
import { describe } from 'vitest'
import { settings } from '../src/config.ts'
import { openFileSink } from '../src/file-sink.ts'
import { fileTarget } from '../src/file-target.ts'
import { openOpensearch } from '../src/open-opensearch.ts'
import { openSinkByUrl } from '../src/open-sink.ts'
import { openPostgresSink } from '../src/postgres-sink.ts'
import { fileIds } from './file-ids.ts'
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

describe.skipIf(skipped('nats'))('over a real server', () =>
  sinkConformance('topic', {
    start: () => startNats(),
    repeats: 'kept',
    open: async (url) => {
      const given = url.replace(/^nats:/, 'jetstream:')
      const { sinkUrl, ...rest } = settings.parse({ sinkUrl: given, sinkTopic: 'sink.out' })
      const options = { clock: systemClock(), warn: () => undefined, openMessaging: (to: string) => openDriver(to) }
      const opened = await openSinkByUrl({ ...rest, sinkUrl: sinkUrl ?? '' }, options)
      const reader = await openDriver(given)
      const seen = new Set<string>()
      await reader.subscribe('sink.out', async ({ id }) => void seen.add(id), { group: 'reader', from: 'earliest' })
      return {
        sink: opened.sink,
        ids: async (topic) => [...seen].filter((id) => id.startsWith(`${topic}-`)).toSorted(),
        close: async () => {
          await reader.close()
          await opened.close()
        },
      }
    },
  }),
)

sinkConformance('file', {
  repeats: 'kept',
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sinks-'))
    const opened = await openFileSink(fileTarget(`file://${folder}?rotateBytes=5000`), systemClock())
    return {
      sink: opened.sink,
      ids: async (topic) => [...new Set(fileIds(folder))].filter((id) => id.startsWith(`${topic}-`)).toSorted(),
      close: async () => {
        await opened.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
})
