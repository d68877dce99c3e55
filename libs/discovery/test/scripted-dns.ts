import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SrvRecord {
  readonly priority?: number
  readonly host: string
  readonly port: number
}

/**
 * The records of the server. `failing` answers each question with this response code (RFC 1035: 2 SERVFAIL, 5 REFUSED). `silent` answers
 * none.
 */
export interface Zone {
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>
  readonly a?: Readonly<Record<string, readonly string[]>>
  readonly failing?: number
  readonly silent?: boolean
  /** By UDP an answer has so many records at most, and says where it was cut (TC). */
  readonly mostByUdp?: number
}

const types = { a: 1, srv: 33 } as const
const nxDomain = 3
const truncated = 0x0200

/** A DNS server that answers what the test says: over UDP, and over TCP where a zone cuts its answers and `tcp` is not false. */
export const scriptedDns = async (first: Zone, { tcp = true }: { tcp?: boolean } = {}) => {
  let zone = first
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => {
    const name = nameAt(message, 12)
    asked.push(name)
    if (zone.silent !== true) socket.send(answerTo(message, name, zone, zone.mostByUdp), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => void socket.close())
  const { port } = socket.address()
  if (first.mostByUdp !== undefined && tcp)
    await listenByTcp(port, (message) => answerTo(message, nameAt(message, 12), zone))
  return { address: `127.0.0.1:${port}`, asked: asked as readonly string[], holds: (next: Zone) => void (zone = next) }
}

/** Each message is preceded by its length (RFC 1035, 4.2.2). */
const listenByTcp = async (port: number, answer: (message: Buffer) => Buffer): Promise<void> => {
  const server = createServer((connection) => {
    let held = Buffer.alloc(0)
    connection.on('error', () => undefined)
    connection.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const end = 2 + held.readUInt16BE(0)
        const bytes = answer(held.subarray(2, end))
        const length = Buffer.alloc(2)
        length.writeUInt16BE(bytes.length)
        connection.write(Buffer.concat([length, bytes]))
        held = held.subarray(end)
      }
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
}

const answerTo = (question: Buffer, name: string, zone: Zone, most = Number.POSITIVE_INFINITY): Buffer => {
  const end = 12 + name.length + 2
  const type = question.readUInt16BE(end)
  const exists = zone.srv?.[name] !== undefined || zone.a?.[name] !== undefined
  const records =
    type === types.srv
      ? (zone.srv?.[name] ?? []).map(srvData)
      : type === types.a
        ? (zone.a?.[name] ?? []).map(aData)
        : []
  const code = zone.failing ?? (exists ? 0 : nxDomain)
  const header = Buffer.alloc(12)
  question.copy(header, 0, 0, 2)
  const kept = records.slice(0, most)
  const cut = kept.length < records.length ? truncated : 0
  header.writeUInt16BE(0x8580 | cut | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(code === 0 ? kept.length : 0, 6)
  const answers = code === 0 ? kept.map((data) => record(type, data)) : []
  return Buffer.concat([header, question.subarray(12, end + 4), ...answers])
}

/** With the name of the question, one second to live. */
const record = (type: number, data: Buffer): Buffer => {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, 0])
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

const srvData = ({ priority = 1, host, port }: SrvRecord): Buffer => {
  const numbers = Buffer.alloc(6)
  numbers.writeUInt16BE(priority, 0)
  numbers.writeUInt16BE(1, 2)
  numbers.writeUInt16BE(port, 4)
  const labels = host
    .split('.')
    .filter(Boolean)
    .map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([numbers, ...labels, Buffer.of(0)])
}

const aData = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

const nameAt = (message: Buffer, start: number): string => {
  const labels: string[] = []
  for (let at = start; message[at] !== 0; at += 1 + (message[at] ?? 0))
    labels.push(message.toString('latin1', at + 1, at + 1 + (message[at] ?? 0)))
  return labels.join('.')
}
