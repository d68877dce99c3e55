import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { pythonPika } from '../src/clients.ts'
import type { ClusterOptions, RunningCluster } from '../src/cluster.ts'
import { execute } from '../src/execute.ts'
import { serverDeadlineMs } from '../src/fixture.ts'
import { kcat } from '../src/kcat.ts'
import { startKafka } from '../src/kafka.ts'
import { marked } from '../src/leftovers.ts'
import { startNats } from '../src/nats.ts'
import { startRabbitmq } from '../src/rabbitmq.ts'
import { accepts } from '../src/running.ts'

const limitMs = 60_000
const systemTemporary = process.env['TMPDIR']
let room: string
let mark: string
let running: RunningCluster | undefined

/** The clusters put their data into a folder that has to be empty in the end. */
beforeAll(async () => {
  room = await mkdtemp(join(tmpdir(), 'clusters-'))
  process.env['TMPDIR'] = room
})
afterEach(async () => {
  await running?.stop()
  running = undefined
})
afterAll(async () => {
  if (systemTemporary === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = systemTemporary
  await rm(room, { recursive: true, force: true })
})

const started = async <Cluster extends RunningCluster>(
  start: (options: ClusterOptions) => Promise<Cluster>,
  options: ClusterOptions = {},
): Promise<Cluster> => {
  mark = crypto.randomUUID()
  const cluster = await start({ nodes: 3, env: { ...process.env, CLUSTER_MARK: mark }, ...options })
  running = cluster
  expect(cluster.nodes).toHaveLength(3)
  return cluster
}

const leavesNothing = async (cluster: RunningCluster) => {
  await cluster.stop()
  await cluster.stop()
  for (const { port } of cluster.nodes) expect(await accepts(port)).toBe(false)
  await vi.waitFor(() => expect(marked('CLUSTER_MARK', mark)).toEqual([]))
  expect(await readdir(room)).toEqual([])
}

/** Data that is written to the cluster is read from it while its first node is gone, and after all of them crashed at once. */
const outlivesCrashes = async (cluster: RunningCluster, write: () => Promise<unknown>, read: () => Promise<string>) => {
  const ask = () => vi.waitFor(async () => expect(await read()).toContain('kept'), { timeout: limitMs, interval: 100 })
  await vi.waitFor(write, { timeout: limitMs, interval: 100 })
  const [node] = cluster.nodes
  await node?.crash()
  expect(await accepts(node?.port ?? 0)).toBe(false)
  await ask()
  await node?.restart()
  expect(await accepts(node?.port ?? 0)).toBe(true)
  await cluster.crash()
  await cluster.restart()
  await ask()
}

/** A TCP proxy before a port, which counts its connections. */
const counting = async (port: number): Promise<{ port: number; server: Server; count: () => number }> => {
  let count = 0
  const server = createServer((client) => {
    count++
    const upstream = connect(port, '127.0.0.1')
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy()).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return { port: (server.address() as AddressInfo).port, server, count: () => count }
}

describe('kafka', { timeout: serverDeadlineMs }, () => {
  const hosts = (url: string) => url.replace('kafka://', '')
  const run = async (...args: string[]) => execute(await kcat(), args, { deadlineMs: limitMs, env: process.env })
  const topic = 'books'
  const write = (url: string) => async () => {
    const file = join(room, 'kept.txt')
    await execute('/bin/sh', ['-c', `echo kept > ${file}`], { deadlineMs: limitMs, env: process.env })
    try {
      return await run('-P', '-b', hosts(url), '-t', topic, '-X', 'acks=all', '-l', file)
    } finally {
      await rm(file)
    }
  }
  const read = (url: string) => () => run('-C', '-b', hosts(url), '-t', topic, '-o', 'beginning', '-c', '1', '-e', '-q')

  test('keeps what it confirmed while a node is gone, and when all crash at once', async () => {
    const cluster = await started(startKafka)
    await outlivesCrashes(cluster, write(cluster.url), read(cluster.url))
    expect(await run('-L', '-b', hosts(cluster.url), '-t', topic)).toMatch(/replicas: \d,\d,\d, /)
    await leavesNothing(cluster)
  })

  test('tells its clients what stands before each node', async () => {
    const proxies: Awaited<ReturnType<typeof counting>>[] = []
    const before = async (port: number) => {
      const proxy = await counting(port)
      proxies.push(proxy)
      return proxy.port
    }
    const cluster = await started(startKafka, { before })
    const told = await run('-L', '-b', hosts(cluster.nodes[0]?.url ?? ''))
    for (const { port } of proxies) expect(told).toContain(`at 127.0.0.1:${port}`)
    expect(hosts(cluster.url)).toBe(proxies.map(({ port }) => `127.0.0.1:${port}`).join(','))
    expect(proxies[0]?.count()).toBeGreaterThan(0)
    await cluster.stop()
    for (const { server } of proxies) server.close()
  })
})

describe('nats', { timeout: serverDeadlineMs }, () => {
  /** The server's answer to this request by its text protocol, over the first node that answers. */
  const ask = async ({ nodes }: RunningCluster, subject: string, body: unknown): Promise<string> => {
    for (const { port } of nodes) {
      if (!(await accepts(port))) continue
      return new Promise((resolve, reject) => {
        const text = JSON.stringify(body)
        const socket = connect(port, '127.0.0.1')
        let heard = ''
        socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer to ${subject}: ${heard}`)))
        socket.on('error', reject)
        socket.on('data', (chunk) => {
          heard += chunk.toString()
          const [, answer] = /\r\nMSG answer 1 \d+\r\n(.*)\r\n/s.exec(heard) ?? []
          if (answer === undefined) return
          socket.destroy()
          resolve(answer)
        })
        socket.write(
          `CONNECT {"verbose":false}\r\nSUB answer 1\r\nPUB ${subject} answer ${Buffer.byteLength(text)}\r\n${text}\r\n`,
        )
      })
    }
    throw new Error('no node listens')
  }

  test('keeps what it confirmed while a node is gone, and when all crash at once', async () => {
    const cluster = await started(startNats)
    const stream = { name: 'books', subjects: ['books.>'], num_replicas: 3 }
    const write = async () => {
      expect(await ask(cluster, '$JS.API.STREAM.CREATE.books', stream)).toContain('"replicas":[')
      expect(await ask(cluster, 'books.one', 'kept')).toContain('"seq":1')
    }
    const read = async () => {
      const answer = await ask(cluster, '$JS.API.STREAM.MSG.GET.books', { seq: 1 })
      const { message } = JSON.parse(answer) as { message?: { data: string } }
      return Buffer.from(message?.data ?? '', 'base64').toString()
    }
    await outlivesCrashes(cluster, write, read)
    await leavesNothing(cluster)
  })

  test('a suspended node answers nothing, and goes on', async () => {
    const cluster = await started(startNats)
    const [node] = cluster.nodes
    const alone = { ...cluster, nodes: [node!] }
    node?.suspend()
    await expect(ask(alone, '$JS.API.INFO', '')).rejects.toThrow('no answer')
    node?.resume()
    await vi.waitFor(async () => expect(await ask(alone, '$JS.API.INFO', '')).toContain('account_info'), limitMs)
    node?.suspend()
    await leavesNothing(cluster)
  })
})

describe('rabbitmq', { timeout: serverDeadlineMs }, () => {
  const python = async (url: string, action: string) => {
    const script = `
import pika
for host in ${JSON.stringify(url.replace(/^.*@/, '').split(','))}:
  try:
    connection = pika.BlockingConnection(pika.URLParameters('amqp://guest:guest@' + host))
    break
  except pika.exceptions.AMQPConnectionError: pass
channel = connection.channel()
channel.confirm_delivery()
${action}
connection.close()`
    return execute(await pythonPika(), ['-c', script], { deadlineMs: limitMs, env: process.env })
  }

  test('keeps what it confirmed while a node is gone, and when all crash at once', async () => {
    const cluster = await started(startRabbitmq)
    const declare = "channel.queue_declare('books', durable=True, arguments={'x-queue-type': 'quorum'})"
    const write = () =>
      python(
        cluster.url,
        `${declare}\nchannel.basic_publish('', 'books', b'kept', pika.BasicProperties(delivery_mode=2))`,
      )
    await outlivesCrashes(cluster, write, () => python(cluster.url, "print(channel.basic_get('books')[2])"))
    const members = await cluster.nodes[2]?.control('list_queues', 'name', 'members', '--silent')
    for (const number of [1, 2, 3]) expect(members).toContain(`-${number}@localhost`)
    await leavesNothing(cluster)
  })
})

test.each([0, 1.5, 8])('a cluster of %d nodes is refused', async (nodes) => {
  await expect(startNats({ nodes })).rejects.toThrow(`a cluster of ${nodes} nodes cannot be started`)
})
