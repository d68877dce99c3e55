import { settings as aggregatorSettings } from '@armature/aggregator/config'
import { aggregator, realEdges as aggregatorEdges } from '@armature/aggregator/service'
import { migrate } from '@armature/database/migrate'
import { ownDatabase } from '@armature/database/testing-own-database'
import { settings as searchSettings } from '@armature/search-service/config'
import { realEdges as searchEdges, searchService } from '@armature/search-service/service'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import type { Service } from '@armature/service/service'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

const services: Readonly<Record<string, (databaseUrl: string) => Service>> = {
  aggregator: (databaseUrl) => {
    const config = aggregatorSettings.parse({ databaseUrl })
    return aggregator(config, aggregatorEdges(config))
  },
  'search-service': (databaseUrl) => {
    const config = searchSettings.parse({ databaseUrl })
    return searchService(config, searchEdges(config))
  },
}

describe.skipIf(skipped('postgres'))('a database that another one migrates', { timeout: serverDeadlineMs }, () => {
  test.each(Object.entries(services))('bug: a stop of %s that waited for its turn was not heard', async (_, open) => {
    const { url, database, drop } = await ownDatabase(await serverUrl('postgres'), uniqueName('turn'))
    onTestFinished(drop)
    const running = async (sql: string) => {
      const activity = `select 1 from pg_stat_activity
        where datname = current_database() and state = 'active' and query like $1`
      expect((await database.query(activity, [`${sql}%`])).count).toBe(1)
    }
    const whenRunning = (sql: string) => vi.waitFor(() => running(sql), { timeout: 30_000 })
    const another = new AbortController()
    const steps = [{ name: 'slow', statements: ['select pg_sleep(600)'] }]
    const migrating = migrate(database, { owner: 'another', steps }, { signal: another.signal }).catch(() => undefined)
    onTestFinished(async () => {
      another.abort()
      await migrating
    })
    await whenRunning('select pg_sleep')

    const stopping = new AbortController()
    const service = open(url)
    const rejected = expect(service.start(stopping.signal)).rejects.toMatchObject({ code: '57014' })
    await whenRunning('select pg_advisory_xact_lock')
    stopping.abort()
    await rejected
    await service.close()
    await service.telemetry?.close()
  })
})
