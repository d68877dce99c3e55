import { randomUUID } from 'node:crypto'
import { kafka } from '@armature/servers/kafka'
import { kcat } from '@armature/servers/kcat'
import { nats } from '@armature/servers/nats'
import { rabbitmq } from '@armature/servers/rabbitmq'
import { redis } from '@armature/servers/redis'
import type { ServerKind } from '@armature/servers/server'
import { rawAmqplib, rawRabbitmqClient } from './broker-amqp.ts'
import { armature } from './broker-armature.ts'
import type { Job, Party, Scenario } from './broker-job.ts'
import { kcatParty, partitions, platformaticKafka, rawKafkajs } from './broker-kafka.ts'
import { moleculer } from './broker-moleculer.ts'
import { rawJetstream, rawNats } from './broker-nats.ts'
import { nest } from './broker-nest.ts'
import { rawRedis, rawRedisStreams } from './broker-redis.ts'
import { compare, type Result, type Spread } from './compare.ts'

interface Contest {
  readonly server: ServerKind
  readonly parties: () => Promise<readonly Party[]> | readonly Party[]
  /** The bytes that a client fetches ahead, if that is more than may be unsettled. */
  readonly readAheadBytes?: number
}

/** The keys are the schemes of our drivers; our driver is the first of each contest. */
const contests: Readonly<Record<string, Contest>> = {
  nats: { server: nats, parties: () => [armature('nats'), rawNats, nest('nats'), moleculer('nats')] },
  jetstream: { server: nats, parties: () => [armature('jetstream'), rawJetstream] },
  amqp: {
    server: rabbitmq,
    parties: () => [armature('amqp'), rawAmqplib, rawRabbitmqClient, nest('amqp'), moleculer('amqp')],
  },
  kafka: {
    server: kafka,
    readAheadBytes: 16 * 1024 * 1024,
    parties: async () => [
      armature('kafka', `?partitions=${partitions}`),
      rawKafkajs,
      platformaticKafka,
      kcatParty(await kcat()),
      nest('kafka'),
      moleculer('kafka'),
    ],
  },
  redis: { server: redis, parties: () => [armature('redis'), rawRedis, nest('redis'), moleculer('redis')] },
  'redis-streams': { server: redis, parties: () => [armature('redis-streams'), rawRedisStreams] },
}

interface Round extends Pick<Job, 'messages' | 'atOnce' | 'bodyBytes' | 'callers'> {
  readonly scenario: Scenario
  readonly what: string
}

/** The bytes that a message takes beside its body, about. */
const headBytes = 200

const roundsOf =
  ({ readAheadBytes = 0 }: Contest) =>
  (bodyBytes: number): readonly Round[] => {
    const many = bodyBytes > 1_000 ? 2_000 : 10_000
    const few = { bodyBytes, messages: 300, atOnce: 1, callers: 1 }
    const lot = { bodyBytes, messages: many, atOnce: 100, callers: 1 }
    // More than any client can have fetched before it hands out the first.
    const ahead = Math.ceil((2 * readAheadBytes) / (bodyBytes + headBytes))
    const consumed = (messages: number) => ({ messages: Math.max(messages, ahead) })
    return [
      { scenario: 'publish', ...few, what: 'publish, one at a time' },
      { scenario: 'publish', ...lot, what: 'publish, 100 at a time' },
      { scenario: 'publish', ...lot, atOnce: 1, callers: 100, what: 'publish, 100 callers with one each' },
      { scenario: 'consume', ...few, ...consumed(few.messages), what: 'consume, one at a time' },
      { scenario: 'consume', ...lot, ...consumed(many), atOnce: 1_000, what: 'consume, 1,000 unsettled' },
      { scenario: 'through', ...lot, what: 'publish and handle' },
    ]
  }

const sizesBytes = [200, 10_000]
const runs = 5

/** Our drivers beside the clients that they stand on, and beside frameworks, each on a server of its own. `names` are schemes. */
export const brokers = async (names: readonly string[] = Object.keys(contests)): Promise<string> => {
  const tables: string[] = []
  for (const name of names) {
    const contest = contests[name]
    if (contest === undefined) throw new Error(`no driver ${name}: name ${Object.keys(contests).join(', ')}`)
    const server = await contest.server.start()
    try {
      tables.push(await contestTable(name, contest, server.url))
    } finally {
      await server.stop()
    }
  }
  return tables.join('\n')
}

/** A row a job: our messages a second, then our rate over each other one's. */
const contestTable = async (scheme: string, contest: Contest, url: string): Promise<string> => {
  const parties = await contest.parties()
  const others = parties.slice(1).map(({ name }) => name)
  const lines = [
    `### ${scheme}:`,
    '',
    `| | messages a second | ${others.map((name) => `over ${name}`).join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(others.length)}`,
  ]
  for (const round of sizesBytes.flatMap(roundsOf(contest))) {
    process.stderr.write(`  ${scheme}: ${round.bodyBytes} B, ${round.what} ...\n`)
    const results = await compared(url, round, parties)
    const [first] = results
    if (first === undefined || results.length < 2) continue
    const ratios = others.map((name) => {
      const ratio = results.find((result) => result.name === name)?.firstOverThis
      return ratio === undefined ? '' : spread(ratio, 2)
    })
    lines.push(
      `| ${round.bodyBytes.toLocaleString('en')} B, ${round.what} | ${spread(first.opsPerSecond, 0)} | ${ratios.join(' | ')} |`,
    )
  }
  return `${lines.join('\n')}\n`
}

const compared = (url: string, round: Round, parties: readonly Party[]): Promise<readonly Result[]> => {
  const { scenario, ...job } = round
  const contenders = parties.flatMap((party) => {
    const run = party[scenario]
    if (run === undefined) return []
    return { name: party.name, run: () => run({ ...job, url, topic: `bench-${randomUUID()}` }) }
  })
  return contenders.length < 2 ? Promise.resolve([]) : compare(contenders, runs)
}

const spread = ({ min, median, max }: Spread, digits: number): string => {
  const [low, middle, high] = [min, median, max].map((value) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  )
  return `${middle} (${low} to ${high})`
}
