import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonPika } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { kafka } from '@armature/servers/kafka'
import { opensearch } from '@armature/servers/opensearch'
import { rabbitmq } from '@armature/servers/rabbitmq'
import { compare, spreadOf, type Result, written } from './compare.ts'
import { fillKafka, fillRabbitmq } from './aggregate-fill.ts'
import { meterOf } from './processor-time.ts'
import { residentMebibytes } from './resident-memory.ts'

/** The source and the sink of one run. */
interface Job {
  readonly brokerUrl: string
  /** A queue of RabbitMQ, or a topic of Kafka. */
  readonly source: string
  readonly sinkUrl: string
  readonly index: string
}

interface Party {
  readonly name: string
  /** The command that moves all messages of the source to the index. `folder` is for its files. */
  command(job: Job, folder: string): Promise<readonly string[]> | readonly string[]
  readonly env?: (job: Job) => Readonly<Record<string, string>>
}

const messages = 50_000
const batchSize = 500
const rounds = 5
const runDeadlineMs = 180_000
const root = fileURLToPath(new URL('../../..', import.meta.url))

const ours = (messagingUrl: (job: Job) => string): Party => ({
  name: 'aggregator',
  command: () => [process.execPath, join(root, 'apps/aggregator/dist/main.js')],
  env: (job) => ({
    MESSAGING_URL: messagingUrl(job),
    SINK_URL: `${job.sinkUrl}/${job.index}`,
    TOPIC: job.source,
    GROUP: job.source,
    COMPLETE_COUNT: String(batchSize),
    STATSD_PORT: '0',
    LOG_LEVEL: 'error',
  }),
})

/** Benthos, where `BENTHOS` names its program. */
const benthos = (input: (job: Job) => object): readonly Party[] => {
  const program = process.env['BENTHOS']
  if (program === undefined) {
    process.stderr.write('  SKIPPED: benthos, which BENTHOS would name\n')
    return []
  }
  const command = async (job: Job, folder: string) => {
    const path = join(folder, 'benthos.json')
    const { sinkUrl, index } = job
    const batching = { count: batchSize, period: '200ms' }
    const output = {
      elasticsearch: {
        ...{ urls: [sinkUrl], index, id: '${! json("id") }', action: 'create', type: '' },
        ...{ sniff: false, healthcheck: false, batching },
      },
    }
    await writeFile(
      path,
      JSON.stringify({ http: { enabled: false }, logger: { level: 'ERROR' }, input: input(job), output }),
    )
    return [program, '-c', path]
  }
  return [{ name: 'Benthos', command }]
}

const pika: Party = {
  name: 'pika',
  command: async ({ brokerUrl, source, sinkUrl, index }) => [
    await pythonPika(),
    fileURLToPath(new URL('aggregate-pika.py', import.meta.url)),
    ...[brokerUrl, source, sinkUrl, index, String(batchSize)],
  ],
}

const contests = {
  rabbitmq: {
    server: rabbitmq,
    fill: fillRabbitmq,
    parties: () => [
      ours(({ brokerUrl, source }) => `${brokerUrl.replace(/\/?$/, '/')}?queue=${source}`),
      ...benthos(({ brokerUrl, source }) => ({
        amqp_0_9: { urls: [brokerUrl], queue: source, prefetch_count: 5 * batchSize },
      })),
      pika,
    ],
  },
  kafka: {
    server: kafka,
    fill: fillKafka,
    parties: () => [
      ours(({ brokerUrl }) => brokerUrl),
      ...benthos(({ brokerUrl, source }) => ({
        kafka: {
          ...{ addresses: [new URL(brokerUrl).host], topics: [source], consumer_group: source },
          ...{ start_from_oldest: true, checkpoint_limit: 5 * batchSize },
        },
      })),
    ],
  },
}

/** From a queue of RabbitMQ and a topic of Kafka to a server that stores nothing, and to OpenSearch. */
export const aggregate = async (): Promise<string> => {
  await execute(process.execPath, ['tools/bundle/src/main.ts', '@armature/aggregator'], {
    deadlineMs: 300_000,
    cwd: root,
  })
  const tables: string[] = []
  const search = await opensearch.start()
  const nothing = await startNullBulk()
  try {
    for (const [name, { server, fill, parties }] of Object.entries(contests)) {
      const broker = await server.start()
      try {
        for (const [sink, sinkUrl] of [
          ['a sink that stores nothing', nothing.url],
          ['OpenSearch', search.url.replace(/\/$/, '')],
        ] as const) {
          process.stderr.write(`  ${name} to ${sink} ...\n`)
          tables.push(
            await contest(`${name} to ${sink}`, parties(), (job) => fill(job, messages), {
              brokerUrl: broker.url,
              sinkUrl,
            }),
          )
        }
      } finally {
        await broker.stop()
      }
    }
  } finally {
    nothing.stop()
    await search.stop()
  }
  return tables.join('\n')
}

type Ends = Pick<Job, 'brokerUrl' | 'sinkUrl'>

const contest = async (title: string, parties: readonly Party[], fill: (job: Job) => Promise<void>, ends: Ends) => {
  const costs = new Map<string, Cost[]>(parties.map(({ name }) => [name, []]))
  const results = await compare(
    parties.map((party) => ({
      name: party.name,
      run: async () => {
        const name = `bench-${randomUUID()}`
        const job = { ...ends, source: name, index: name }
        await fill(job)
        const { rate, cost } = await moved(party, job)
        costs.get(party.name)?.push(cost)
        return rate
      },
    })),
    rounds,
  )
  return tableOf(title, results, costs)
}

interface Cost {
  /** Processor time for a message. */
  readonly microseconds: number
  /** The most that was seen. */
  readonly mebibytes: number
}

const pollMs = 20

/** Runs the party until the index has all messages. The rate counts from the first batch on: no program's start is in it. */
const moved = async (party: Party, job: Job): Promise<{ rate: number; cost: Cost }> => {
  const folder = await mkdtemp(join(tmpdir(), 'aggregate-'))
  const [file = '', ...args] = await party.command(job, folder)
  const child = spawn(file, args, {
    env: { ...process.env, ...party.env?.(job) },
    stdio: 'ignore',
  })
  const cpu = meterOf(child.pid ?? 0)
  try {
    let first: { readonly atMs: number; readonly count: number } | undefined
    let mebibytes = 0
    const deadlineMs = performance.now() + runDeadlineMs
    for (;;) {
      const count = await counted(job)
      const atMs = performance.now()
      mebibytes = Math.max(mebibytes, residentMebibytes(child.pid ?? 0) || 0)
      if (first === undefined && count > 0) first = { atMs, count }
      if (first !== undefined && count >= messages) {
        const rate = (count - first.count) / ((atMs - first.atMs) / 1_000)
        return { rate, cost: { microseconds: (cpu() * 1_000) / messages, mebibytes } }
      }
      if (atMs > deadlineMs) throw new Error(`${party.name}: ${count} of ${messages} in ${runDeadlineMs / 1_000} s`)
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  } finally {
    await ended(child)
    await rm(folder, { recursive: true })
    await fetch(`${job.sinkUrl}/${job.index}`, { method: 'DELETE' })
  }
}

/** The documents that were taken so far, also those that no search finds yet. */
const counted = async ({ sinkUrl, index }: Job): Promise<number> => {
  const stats = await fetch(`${sinkUrl}/${index}/_stats/indexing`)
  const answer = (await stats.json()) as {
    _all?: { primaries: { indexing?: { index_total: number } } }
    count?: number
  }
  return answer.count ?? answer._all?.primaries.indexing?.index_total ?? 0
}

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exit
}

const startNullBulk = async (): Promise<{ readonly url: string; stop(): void }> => {
  const script = fileURLToPath(new URL('null-bulk.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const url = await new Promise<string>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(String(line).trim())),
  )
  return { url, stop: () => void child.kill() }
}

const tableOf = (title: string, results: readonly Result[], costs: ReadonlyMap<string, readonly Cost[]>): string => {
  const rows = results.map(({ name, opsPerSecond, firstOverThis }) => {
    const own = costs.get(name) ?? []
    const ratio = firstOverThis === undefined ? '' : written(firstOverThis, 2)
    const microseconds = written(spreadOf(own.map((cost) => cost.microseconds)), 0)
    const mebibytes = written(spreadOf(own.map((cost) => cost.mebibytes)), 0)
    return `| ${name} | ${written(opsPerSecond, 0)} | ${ratio} | ${microseconds} | ${mebibytes} |`
  })
  return [
    `### ${title}`,
    '',
    `| | messages a second: median (min to max) | ${results[0]?.name ?? ''} / this | µs of CPU a message | MiB resident, at most |`,
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}
