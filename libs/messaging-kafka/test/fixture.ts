import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { kcat } from '@armature/servers/kcat'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeAll, expect, vi } from 'vitest'
import type { CuttableDriver, KillableDriver } from '@armature/messaging-kit/conformance-fixture'
import { openKafka } from '../src/driver.ts'
import { makeSocket, type MakeSocket } from '../src/connection.ts'
import type { Driver } from '@armature/messaging/ports'

type Options = Readonly<Record<string, string | number>>

/** The URL with these options. */
export const withOptions = (url: string, options: Options): string => {
  const query = Object.entries(options).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return query.length === 0 ? url : `${url}?${query.join('&')}`
}

/** A driver whose sockets can be cut for good, as by the death of its process. */
export const killableKafka = async (url: string): Promise<KillableDriver> => {
  const sockets = new Set<Socket>()
  let killed = false
  const driver = await openKafka(url, {
    warn: () => undefined,
    sockets: (...args) => {
      const socket = makeSocket(...args)
      sockets.add(socket)
      if (killed) socket.destroy(new Error('killed'))
      return socket
    },
  })
  const kill = () => {
    killed = true
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return { driver, kill }
}

/** The numbers of some requests of Kafka's protocol. */
export const apis = { fetch: 1, joinGroup: 11, heartbeat: 12 } as const

/**
 * Calls `before` with the number of each request that the socket sends. Where it answers a promise, the request waits for it, and the socket ends
 * with what it rejects with; other requests pass.
 */
export const watchRequests = (socket: Socket, before: (api: number) => Promise<unknown> | undefined): Socket => {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean
  let leftBytes = 0
  let waiting: unknown[][] | undefined
  socket.write = (...given: unknown[]) => {
    const data = given[0] as Buffer
    if (leftBytes === 0) {
      // The length of the request, then its number.
      leftBytes = 4 + data.readInt32BE(0)
      const until = before(data.readInt16BE(4))
      const own: unknown[][] = []
      waiting = until === undefined ? undefined : own
      until?.then(
        () => own.forEach((each) => write(...each)),
        (fault: Error) => socket.destroy(fault),
      )
    }
    leftBytes -= data.length
    if (waiting === undefined) return write(...given)
    waiting.push(given)
    return true
  }
  return socket
}

/** Sockets that can be cut or deafened, all at once, again and again; `cut` answers how many there were. */
export const cuttableSockets = (): {
  readonly sockets: MakeSocket
  cut(): number
  /** From now on the answers of the broker are not heard: on all sockets there are, or on those that sent requests of these numbers. */
  deafen(which?: (apis: ReadonlySet<number>) => boolean): void
  /** Cuts all, or those to these ports, and makes no such one until `release`. */
  hold(ports?: readonly number[]): void
  release(): void
  /** How many requests of this number were sent. */
  sent(api: number): number
} => {
  const all = new Map<Socket, Set<number>>()
  const counts = new Map<number, number>()
  let held: (port: number) => boolean = () => false
  const portOf = new WeakMap<Socket, number>()
  return {
    sockets: (...args) => {
      const socket = makeSocket(...args)
      const apis = new Set<number>()
      portOf.set(socket, args[1])
      if (held(args[1])) socket.destroy(new Error('held'))
      all.set(socket, apis)
      watchRequests(socket, (api) => {
        apis.add(api)
        counts.set(api, (counts.get(api) ?? 0) + 1)
        return undefined
      })
      socket.once('close', () => all.delete(socket))
      return socket
    },
    cut: () => {
      const { size } = all
      for (const socket of all.keys()) socket.destroy(new Error('cut'))
      return size
    },
    deafen: (which = () => true) => {
      for (const [socket, apis] of all) if (which(apis)) socket.pause()
    },
    hold: (ports) => {
      held = (port) => ports?.includes(port) ?? true
      for (const socket of all.keys()) if (held(portOf.get(socket) ?? 0)) socket.destroy(new Error('held'))
    },
    release: () => {
      held = () => false
    },
    sent: (api) => counts.get(api) ?? 0,
  }
}

/** A driver whose sockets can be cut again and again. */
export const cuttableKafka = async (url: string): Promise<CuttableDriver> => {
  const { sockets, cut } = cuttableSockets()
  return { driver: await openKafka(url, { warn: () => undefined, sockets }), cut }
}

export const hostsOf = (url: string): string => /^kafka:\/\/([^/?]+)/.exec(url)?.[1] ?? ''
const deadlineMs = 30_000

/** Publishes one message by kcat, a client that is not ours. */
export const kcatPublish = async (
  url: string,
  topic: string,
  body: Uint8Array,
  options: {
    readonly headers?: Readonly<Record<string, string>>
    readonly key?: string
    readonly compression?: string
  } = {},
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'kcat-'))
  try {
    const [file, headers] = [join(folder, 'body'), Object.entries(options.headers ?? {})]
    await writeFile(file, body)
    const args = [
      '-P',
      '-b',
      hostsOf(url),
      '-t',
      topic,
      ...headers.flatMap(([name, value]) => ['-H', `${name}=${value}`]),
    ]
    if (options.key !== undefined) args.push('-k', options.key, '-X', 'partitioner=murmur2_random')
    if (options.compression !== undefined) args.push('-z', options.compression)
    await promisify(execFile)(await kcat(), [...args, file], { timeout: deadlineMs })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A message as `kcat -J` shows it. */
export interface KcatMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly payload: string
  readonly headers: readonly string[]
}

/** The first messages of a topic, as kcat shows them. */
export const kcatRead = async (url: string, topic: string, count: number): Promise<KcatMessage[]> => {
  const args = ['-C', '-J', '-q', '-e', '-o', 'beginning', '-c', String(count), '-b', hostsOf(url), '-t', topic]
  const { stdout } = await promisify(execFile)(await kcat(), args, { timeout: deadlineMs, maxBuffer: 64 * 1024 * 1024 })
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KcatMessage)
}

/** Keys that lie in several partitions. */
export const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`)

export const eventually = (assertion: () => void | Promise<void>) =>
  vi.waitFor(assertion, { timeout: 10_000, interval: 10 })

type Admin = ReturnType<Kafka['admin']>

/** kafkajs rejects where the broker does not show yet what it has just made. */
const createTopics =
  (admin: Admin): Admin['createTopics'] =>
  async (options) => {
    const made = await admin.createTopics({ ...options, waitForLeaders: false })
    const topics = options.topics.map(({ topic }) => topic)
    await eventually(async () => {
      const found = await admin.fetchTopicMetadata({ topics })
      for (const { leader } of found.topics.flatMap(({ partitions }) => partitions))
        expect(leader).toBeGreaterThanOrEqual(0)
    })
    return made
  }

/** The administrator's client of kafkajs. */
export const asAdmin = async <Result>(url: string, use: (admin: Admin) => Promise<Result>): Promise<Result> => {
  const admin = new Kafka({ brokers: hostsOf(url).split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await use({ ...admin, createTopics: createTopics(admin) })
  } finally {
    await admin.disconnect()
  }
}

/** For a file's tests: the Kafka that the whole run shares, and drivers that are closed after each test. */
export const sharedKafka = () => {
  let server: string
  let open: Driver[] = []
  beforeAll(async () => {
    server = await serverUrl('kafka')
    await kcat()
  }, serverDeadlineMs)
  afterEach(async () => {
    const drivers = open
    open = []
    await Promise.all(drivers.map((driver) => driver.close()))
  })
  const url = (options: Options = {}) => withOptions(server, options)
  const keep = (driver: Driver): Driver => {
    open.push(driver)
    return driver
  }
  return {
    url,
    keep,
    connect: async (options: Options = {}) => keep(await openKafka(url(options), { warn: () => undefined })),
  }
}
