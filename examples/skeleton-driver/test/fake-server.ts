import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { matches } from '@armature/messaging/topic-pattern'
import type { Operations, StoredRecord, WireStart } from '../src/protocol.ts'
import { createGroup, type Group, type Member } from './fake-groups.ts'

/** A server of the protocol within this process, on a port of loopback. It keeps everything in memory, also while it is crashed. */
export interface FakeServer {
  readonly url: string
  /** Ends every connection at once, and takes no new one. */
  crash(): Promise<void>
  /** Takes connections again, on the same port. */
  restart(): Promise<void>
  /** Ends for good. */
  stop(): Promise<void>
}

interface Topic {
  nextOffset: number
  /** By offset. */
  readonly records: Map<number, StoredRecord>
}

interface Store {
  readonly topics: Map<string, Topic>
  readonly groups: Map<string, Group>
}

/** Starts a server. */
export const startFakeServer = async (): Promise<FakeServer> => {
  const store: Store = { topics: new Map(), groups: new Map() }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(store, socket)
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const crash = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return { url: `skeleton://127.0.0.1:${port}`, crash, restart: () => listen(port), stop: crash }
}

/** Answers the calls of a connection. */
const serve = (store: Store, socket: Socket): void => {
  const members = new Map<number, Member>()
  const operations = operationsOf(store, members)
  const answer = async (line: string) => {
    const { id, op, args } = JSON.parse(line) as { id: number; op: keyof Operations; args: never[] }
    const call = operations[op] as (...all: never[]) => Promise<unknown>
    const said = await call(...args).then(
      (result) => ({ id, result }),
      (error: Error) => ({ id, error: error.message }),
    )
    if (!socket.destroyed) socket.write(`${JSON.stringify(said)}\n`)
  }
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.on('close', () => {
    for (const member of members.values()) member.group.leave(member)
  })
  createInterface({ input: socket })
    .on('line', (line) => void answer(line))
    .on('error', () => undefined)
}

const operationsOf = (store: Store, members: Map<number, Member>): Operations => {
  const { topics, groups } = store
  const memberOf = (number: number): Member => {
    const member = members.get(number)
    if (member === undefined) throw new Error(`there is no member ${number}`)
    return member
  }
  let latestMember = 0
  return {
    publish: async (topic, records) => append(store, topic, records),
    join: async (name, pattern, start) => {
      const key = `${name} ${pattern}`
      const group = groups.get(key) ?? beginGroup(store, createGroup(name, pattern), start)
      groups.set(key, group)
      members.set(++latestMember, group.join())
      return latestMember
    },
    fetch: async (number, max) => memberOf(number).group.fetch(memberOf(number), max),
    ack: async (number, tag) => memberOf(number).group.ack(memberOf(number), tag),
    nack: async (number, tag, delayMs) => memberOf(number).group.nack(memberOf(number), tag, delayMs),
    pause: async (number) => memberOf(number).group.pause(memberOf(number)),
    leave: async (number) => {
      const member = memberOf(number)
      const { name, pattern, leave } = member.group
      members.delete(number)
      leave(member)
      if (name.startsWith('~')) groups.delete(`${name} ${pattern}`)
    },
    ping: async () => undefined,
    topics: async () => [...topics.keys()],
    read: async (topic, from, max) => {
      const all = [...(topics.get(topic)?.records.values() ?? [])]
      return all.filter(({ offset }) => offset >= from).slice(0, max)
    },
    remove: async (topic, offsets) => {
      for (const offset of offsets) topics.get(topic)?.records.delete(offset)
    },
  }
}

const append = ({ topics, groups }: Store, name: string, records: Parameters<Operations['publish']>[1]): void => {
  const topic = topics.get(name) ?? { nextOffset: 0, records: new Map<number, StoredRecord>() }
  topics.set(name, topic)
  for (const record of records) {
    const stored = { ...record, topic: name, offset: topic.nextOffset++, storedAtMs: Date.now() }
    topic.records.set(stored.offset, stored)
    for (const group of groups.values()) if (matches(group.pattern, name)) group.add(stored)
  }
}

/** A new group has what is stored from its start on. */
const beginGroup = ({ topics }: Store, group: Group, start: WireStart): Group => {
  if (start === 'latest') return group
  for (const [name, { records }] of topics) {
    if (!matches(group.pattern, name)) continue
    for (const record of records.values()) if (isFrom(start, record)) group.add(record)
  }
  return group
}

const isFrom = (start: WireStart, { offset, storedAtMs }: StoredRecord): boolean => {
  if (typeof start === 'string') return start === 'earliest'
  return 'offset' in start ? offset >= start.offset : storedAtMs >= start.timeMs
}
