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
import { kcatParty, platformaticKafka, rawKafkajs } from './broker-kafka.ts'
import { moleculer } from './broker-moleculer.ts'
import { rawJetstream, rawNats } from './broker-nats.ts'
import { nest } from './broker-nest.ts'
import { rawRedis, rawRedisStreams } from './broker-redis.ts'
import { compare, table } from './compare.ts'

interface Contest {
  readonly server: ServerKind
  readonly parties: () => Promise<readonly Party[]> | readonly Party[]
}

/** By the scheme of our driver, which is the first of each. */
const contests: Readonly<Record<string, Contest>> = {
  nats: { server: nats, parties: () => [armature('nats'), rawNats, nest('nats'), moleculer('nats')] },
  jetstream: { server: nats, parties: () => [armature('jetstream'), rawJetstream] },
  amqp: {
    server: rabbitmq,
    parties: () => [armature('amqp'), rawAmqplib, rawRabbitmqClient, nest('amqp'), moleculer('amqp')],
  },
  kafka: {
    server: kafka,
    parties: async () => [
      armature('kafka'),
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

interface Round extends Pick<Job, 'messages' | 'atOnce'> {
  readonly scenario: Scenario
  readonly what: string
}

const rounds = (bodyBytes: number): readonly Round[] => {
  const many = bodyBytes > 1_000 ? 4_000 : 20_000
  return [
    { scenario: 'publish', messages: 1_000, atOnce: 1, what: 'published one at a time, each confirmed' },
    { scenario: 'publish', messages: many, atOnce: 100, what: 'published 100 at a time, confirmed' },
    { scenario: 'consume', messages: 1_000, atOnce: 1, what: 'consumed one at a time, each acknowledged' },
    { scenario: 'consume', messages: many, atOnce: 1_000, what: 'consumed, 1,000 unsettled at most' },
    { scenario: 'through', messages: many, atOnce: 100, what: 'published 100 at a time and handled' },
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
      const parties = await contest.parties()
      for (const bodyBytes of sizesBytes)
        for (const round of rounds(bodyBytes)) tables.push(await compared(name, server.url, bodyBytes, round, parties))
    } finally {
      await server.stop()
    }
  }
  return tables.join('\n')
}

const compared = async (
  scheme: string,
  url: string,
  bodyBytes: number,
  { scenario, messages, atOnce, what }: Round,
  parties: readonly Party[],
): Promise<string> => {
  const title = `${scheme}: ${messages.toLocaleString('en')} messages of ${bodyBytes} B ${what}`
  process.stderr.write(`  ${title} ...\n`)
  const contenders = parties.flatMap((party) => {
    const run = party[scenario]
    if (run === undefined) return []
    return { name: party.name, run: () => run({ url, topic: `bench-${randomUUID()}`, messages, bodyBytes, atOnce }) }
  })
  return contenders.length < 2 ? '' : table(title, await compare(contenders, runs))
}
