import type { PublishError } from '@armature/messaging/errors'
import { messagesOf, partOfRun } from '@armature/messaging/message-run'
import { runOf } from '@armature/messaging/testing-message-run'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recordOf, recordOverheadBytes } from './codec.ts'
import { publishedCodecs } from './compression.ts'
import { encodeBatch } from './record-batch.ts'
import { runRecords } from './run-records.ts'

const printable = fc.string({ minLength: 1, maxLength: 40 })
const headers = fc.dictionary(
  fc.constantFrom('traceparent', 'content-type-x', 'x-wide-é', 'subject', 'correlationid', '__proto__'),
  fc.string({ maxLength: 80 }),
  { maxKeys: 4 },
)
const kinds = fc.array(headers, { minLength: 1, maxLength: 3 })
const text = fc.record({
  body: fc.string({ unit: 'binary', maxLength: 300 }),
  number: fc.oneof(fc.nat({ max: 20_000 }), fc.nat({ max: 2 ** 48 }), fc.constantFrom(0, 9, 10, 99, 100, 2 ** 53 - 1)),
  timeMs: fc.oneof(
    fc.constantFrom(0, 1_700_000_000_123, 253_402_300_799_999),
    fc.integer({ min: 1_600_000_000_000, max: 1_600_000_000_003 }),
  ),
  kind: fc.nat({ max: 2 }),
})
const anyRun = fc
  .record({ texts: fc.array(text, { minLength: 1, maxLength: 30 }), kinds, key: fc.string(), idPrefix: printable })
  .map(({ texts, ...common }) =>
    runOf(
      texts.map((each) => ({ ...each, kind: each.kind % common.kinds.length })),
      common,
    ),
  )
const emptyBatchBytes = 61
const origin = { producerId: '7', producerEpoch: 1, firstSequence: 3 }

test.each(publishedCodecs)('a run is byte by byte what its messages are, also in parts: %s', async (codec) => {
  await fc.assert(
    fc.asyncProperty(anyRun, fc.nat(30), async (run, cut) => {
      const wholes = messagesOf(run, 't').map((message) => recordOf(message, '/test', 5, 't'))
      const records = runRecords(run, '/test', 5, 't')
      expect((await encodeBatch(records, codec, origin)).equals(await encodeBatch(wholes, codec, origin))).toBe(true)
      for (const [index, { bytes }] of records.entries()) {
        const own = await encodeBatch(records.slice(index, index + 1), 'none', origin)
        expect(bytes).toBeGreaterThanOrEqual(own.length - emptyBatchBytes)
        expect(bytes).toBeLessThanOrEqual(wholes[index]?.bytes ?? 0)
      }
      const from = cut % run.count
      const part = runRecords(partOfRun(run, from, run.count), '/test', 5, 't')
      const rest = await encodeBatch(wholes.slice(from), codec, origin)
      expect((await encodeBatch(part, codec, origin)).equals(rest)).toBe(true)
    }),
    { numRuns: codec === 'none' ? 200 : 20 },
  )
})

test.each([
  ['a header that cannot be encoded', { kinds: [{ Upper: 'x' }] }, 1_000, 'bad-message'],
  ['headers that are too large', { kinds: [{ big: 'x'.repeat(recordOverheadBytes) }] }, 1_000, 'too-large'],
  ['an id that is none', { idPrefix: 'a\nb' }, 1_000, 'bad-message'],
  ['a time that is none', {}, 8.65e15, 'bad-message'],
] as const)('%s is refused, as it is of a message', (_, common, timeMs, fault) => {
  const texts = [
    { body: 'x', number: 1, timeMs: 0, kind: 0 },
    { body: 'x', number: 2, timeMs, kind: 0 },
  ]
  const run = runOf(texts, { kinds: [{}], key: 'k', idPrefix: 'p-', ...common })
  const faultOf = (encode: () => unknown): unknown => {
    try {
      return encode()
    } catch (error) {
      return (error as PublishError).fault
    }
  }
  expect(faultOf(() => runRecords(run, '/test', 5, 't'))).toBe(fault)
  expect(faultOf(() => messagesOf(run, 't').map((message) => recordOf(message, '/test', 5, 't')))).toBe(fault)
})
