import { MsgImpl, type Publisher } from '@nats-io/nats-core/internal'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMessage } from './codec.ts'

const arrived = (head: Uint8Array) =>
  new MsgImpl({ hdr: head.byteLength, sid: 1, size: head.byteLength, subject: Buffer.from('t') }, head, {} as Publisher)

/** The first values by name as the client reads them; undefined where it throws. */
const readByClient = (head: Uint8Array): Record<string, string | undefined> | undefined => {
  try {
    const pairs = [...(arrived(head).headers ?? [])].map(([name, [value]]) => [name.toLowerCase(), value] as const)
    return Object.fromEntries(pairs.filter(([name]) => !name.startsWith('nats-')))
  } catch {
    return undefined
  }
}

const part = fc.string({
  unit: fc.constantFrom('a', 'B', ' ', ':', '\r', '\n', '\u00e9', '\u6587', '\u0000', '\t'),
  maxLength: 6,
})
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'a-b', 'nats-x', 'Nats-Y', 'x', '__proto__', 'toString', '') },
  part,
)
const line = fc.oneof({ weight: 5, arbitrary: fc.tuple(name, part).map(([key, value]) => `${key}:${value}\r\n`) }, part)
const head = fc.array(line, { maxLength: 6 }).map((lines) => Buffer.from(`NATS/1.0\r\n${lines.join('')}\r\n`))

test('headers are read as the client reads them, and make a message undecodable where the client throws', () => {
  fc.assert(
    fc.property(head, (bytes) => {
      const origin = { topic: 't', receivedAt: new Date(0), fallbackId: 't+1' }
      const { message, undecodable } = decodeMessage(arrived(bytes), origin)
      const expected = readByClient(bytes)
      if (expected === undefined) expect(undecodable).toMatchObject({ code: 'bad-header' })
      else expect({ ...message.headers }).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})
