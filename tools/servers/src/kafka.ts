import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClusterOptions, type NodePlace, nodePlaces, type RunningCluster, startCluster } from './cluster.ts'
import { execute } from './execute.ts'
import { java, mavenJars } from './maven.ts'
import { startProgram } from './program.ts'
import type { ServerKind } from './server.ts'

const coordinates = ['org.apache.kafka:kafka_2.13:4.3.1', 'org.slf4j:slf4j-simple:1.7.36']
const deadlineMs = 120_000
const remedy = 'install Java 17 or newer and Maven, or set KAFKA_URL'
const ready = /Kafka Server started/

export interface KafkaOptions extends ClusterOptions {
  /** Paths of PEM files: clients then speak TLS. `clientCa` makes the broker ask for certificates that it signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  /** Clients then log in as this user, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. */
  readonly sasl?: { readonly user: string; readonly password: string }
  /** More lines of server.properties, and others instead of those here. */
  readonly properties?: Readonly<Record<string, string | number>>
}

/**
 * A Kafka of this test's own, broker and controller in one (KRaft), on loopback and free ports. Its sessions may be short
 * (100 ms), and its groups do not wait for members. With three nodes or more each topic has three replicas, of which two must have a
 * record before it is confirmed, and a node that is gone is known to be so after four seconds.
 */
export const startKafka = async (options: KafkaOptions = {}): Promise<RunningCluster> => {
  const { env = process.env, sasl } = options
  const [program, jars, places] = await Promise.all([
    java(env),
    mavenJars(coordinates, 'kafka', env),
    nodePlaces(options),
  ])
  const data = await mkdtemp(join(tmpdir(), 'kafka-test-'))
  const javaArgs = [
    '-Xmx256m',
    '-XX:+UseSerialGC',
    // Ready sooner, and less of two processors taken from what is tested.
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    '-cp',
    join(jars, '*'),
  ]
  const scram = sasl === undefined ? [] : scramUsers(sasl).flatMap((user) => ['--add-scram', user])
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'k')

  const start = async (file: string) => {
    const started = startProgram(program, [...javaArgs, 'kafka.Kafka', file], { env, cwd: data })
    try {
      await started.until(ready, deadlineMs)
      return started
    } catch (fault) {
      await started.kill()
      throw new Error(`Kafka did not start: ${remedy}`, { cause: fault })
    }
  }
  const nodeOf = (place: NodePlace) => {
    const folder = join(data, String(place.number))
    const file = join(folder, 'server.properties')
    let isFormatted = false
    const format = async () => {
      await mkdir(folder)
      await writeFile(file, await propertiesOf(options, place, places, folder), { mode: 0o600 })
      const args = [...javaArgs, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file, ...scram]
      await execute(program, args, { deadlineMs, env, cwd: folder })
      isFormatted = true
    }
    return {
      place,
      start: async () => {
        if (!isFormatted) await format()
        return start(file)
      },
    }
  }
  return startCluster(places.map(nodeOf), { urlOf: (hosts) => `kafka://${hosts}`, data })
}

/** The lines of a node's server.properties. */
const propertiesOf = async (
  { tls, sasl, properties = {} }: KafkaOptions,
  { number, port, clientPort, inner: [inner, controller] }: NodePlace,
  places: readonly NodePlace[],
  folder: string,
): Promise<string> => {
  const replicas = Math.min(places.length, 3)
  const inSync = Math.min(replicas, 2)
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`
  const voters = places.map((place) => `${place.number}@127.0.0.1:${place.inner[1]}`)
  const lines: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': number,
    'controller.quorum.voters': voters.join(','),
    listeners: `CLIENT://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${clientPort},INNER://127.0.0.1:${inner}`,
    'listener.security.protocol.map': `CLIENT:${protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INNER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'log'),
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 100,
    // The default of 128 MB does not fit into a small heap.
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    ...(places.length === 1 ? {} : { 'broker.session.timeout.ms': 4_000, 'broker.heartbeat.interval.ms': 500 }),
    ...(tls === undefined ? {} : tlsLines(await keystore(folder, tls), tls.clientCa)),
    ...(sasl === undefined ? {} : saslLines(sasl)),
    ...properties,
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Formats and starts one node of the image. What is in the same network of containers finds it as kafka:29092. */
const inContainer = `cat >/tmp/server.properties <<'END'
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://:9092,NETWORK://:29092,CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://127.0.0.1:9092,NETWORK://kafka:29092
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,NETWORK:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=/tmp/kafka-logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
log.cleaner.dedupe.buffer.size=2097152
END
/opt/kafka/bin/kafka-storage.sh format --cluster-id MkU3OEVBNTcwNTJENDM2Qg --config /tmp/server.properties &&
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
`

/** Kafka for `npm run servers` and the fixture of tests. */
export const kafka: ServerKind = {
  name: 'kafka',
  variable: 'KAFKA_URL',
  remedy,
  container: {
    image: 'apache/kafka:4.3.1',
    // A client goes on to where the broker says it is: the host's port has to be the same.
    port: 9092,
    samePort: true,
    environment: { KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m' },
    command: ['bash', '-c', inContainer],
    ready,
    url: (host, port) => `kafka://${host}:${port}`,
  },
  clusters: true,
  start: startKafka,
}

/** Java takes a key and its certificates from one PEM file. */
const keystore = async (data: string, tls: { readonly cert: string; readonly key: string }): Promise<string> => {
  const path = join(data, 'keystore.pem')
  await writeFile(path, `${await readFile(tls.key, 'utf8')}\n${await readFile(tls.cert, 'utf8')}`, { mode: 0o600 })
  return path
}

const tlsLines = (path: string, clientCa: string | undefined): Record<string, string> => ({
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': path,
  ...(clientCa === undefined
    ? {}
    : { 'ssl.client.auth': 'required', 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': clientCa }),
})

const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

const saslLines = ({ user, password }: { readonly user: string; readonly password: string }) => ({
  'sasl.enabled.mechanisms': ['PLAIN', ...scramMechanisms].join(','),
  'listener.name.client.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user}="${password}";`,
  ...Object.fromEntries(
    scramMechanisms.map((mechanism) => [
      `listener.name.client.${mechanism.toLowerCase()}.sasl.jaas.config`,
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    ]),
  ),
})

const scramUsers = ({ user, password }: { readonly user: string; readonly password: string }): string[] =>
  scramMechanisms.map((mechanism) => `${mechanism}=[name=${user},password=${password}]`)
