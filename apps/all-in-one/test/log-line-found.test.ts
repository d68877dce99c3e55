import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownDatabase } from '@armature/database/testing-own-database'
import { createSearchClient } from '@armature/search-api/client'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterEach, expect, test, vi } from 'vitest'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const mainOf = (app: string) => fileURLToPath(new URL(`../../${app}/src/main.ts`, import.meta.url))

const start = (app: string, env: Record<string, string>, ...args: string[]) => {
  const program = startProgram(process.execPath, [mainOf(app), ...args], {
    env: { ...process.env, STATSD_PORT: '0', ...env },
  })
  ends.push(() => program.kill())
  return program
}

/** A line may take so long from the answer of its call to the index. */
const withinMs = 5_000

const needed = ['kafka', 'opensearch', 'postgres'] as const

test.skipIf(needed.some((kind) => skipped(kind)))(
  'a log line of search-service is found in OpenSearch by its request id within 5 s of the call, over Kafka',
  async () => {
    const [kafka, search, postgres] = await Promise.all(needed.map((kind) => serverUrl(kind)))
    const { url: databaseUrl, drop } = await ownDatabase(postgres ?? '', uniqueName('found'))
    ends.push(drop)
    const messagingUrl = kafka ?? ''
    const topic = `logs.${uniqueName('search-service')}`
    const index = uniqueName('lines')
    const base = (search ?? '').replace(/\/$/, '')
    const aggregator = start('aggregator', {
      MESSAGING_URL: messagingUrl,
      SINK_URL: `${base}/${index}-%Y.%m.%d`,
      TOPIC: topic,
      GROUP: uniqueName('indexers'),
    })
    const spoolDir = await mkdtemp(join(tmpdir(), 'spool-'))
    ends.push(() => rm(spoolDir, { recursive: true, force: true }))
    const service = start(
      'log-shipper',
      { MESSAGING_URL: messagingUrl, DATABASE_URL: databaseUrl },
      ...['-t', topic, '--spool-dir', spoolDir, '--', process.execPath, mainOf('search-service')],
    )
    await aggregator.until(/waits for messages/, 60_000)
    const [, address = ''] = await service.until(/gRPC\s+(\S+:\d+)/, 60_000)
    const client = createSearchClient(address)
    ends.push(() => client.close())

    const found = async (requestId: string): Promise<number> => {
      const query = new URLSearchParams({ q: `body.requestId:"${requestId}"`, ignore_unavailable: 'true' })
      const response = await fetch(`${base}/${index}-*/_count?${query.toString()}`)
      return ((await response.json()) as { count: number }).count
    }
    const callAndFind = async (timeout: number) => {
      const requestId = randomUUID()
      await client.search({ query: 'area' }, { requestId })
      await vi.waitFor(async () => expect(await found(requestId)).toBe(1), { timeout, interval: 100 })
    }
    // The first line makes the topic, the partitions' members and the index.
    await callAndFind(60_000)
    await callAndFind(withinMs)
  },
  serverDeadlineMs,
)
