import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { simulatedDisk } from './simulated-disk.ts'
import { encodeRecord, lines as linesOf, linesIn, opened, readAll, readBatches, text } from './spool-world.ts'

/** Damage by a disk, a power cut or a person to the bytes of a file, one after the other. */
type Harm =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'zero' | 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'overwrite' | 'insert'; readonly at: number; readonly bytes: Uint8Array }

const at = fc.nat({ max: 2_000 })
const harm: fc.Arbitrary<Harm> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant('cut' as const), at }),
  fc.record({ kind: fc.constantFrom('zero' as const, 'drop' as const), at, length: fc.nat({ max: 100 }) }),
  fc.record({
    kind: fc.constantFrom('overwrite' as const, 'insert' as const),
    at,
    bytes: fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(Buffer.from('ALS1'))),
  }),
)

const harmed = (bytes: Buffer, each: Harm): Buffer => {
  const place = bytes.length === 0 ? 0 : each.at % (bytes.length + 1)
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (each.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes)
      if (place < copy.length) copy[place] = (copy[place] ?? 0) ^ (1 << each.bit)
      return copy
    }
    case 'cut':
      return before
    case 'zero':
      return Buffer.concat([before, Buffer.alloc(Math.min(each.length, after.length)), after.subarray(each.length)])
    case 'drop':
      return Buffer.concat([before, after.subarray(each.length)])
    case 'overwrite':
      return Buffer.concat([before, each.bytes, after.subarray(each.bytes.length)])
    case 'insert':
      return Buffer.concat([before, each.bytes, after])
  }
}

interface Input {
  readonly lines: readonly string[]
  readonly harms: readonly Harm[]
  readonly cursor: string | undefined
}

/** A segment of some lines, harmed, and any cursor. A line may look like the beginning of a record. */
export const inputs: fc.Arbitrary<Input> = fc.record({
  lines: fc.array(
    fc.oneof(fc.string({ maxLength: 40 }), fc.constant('ALS1'), fc.constant('ALS1\0\0\0\0\u0004\0\0\0')),
    {
      maxLength: 20,
    },
  ),
  harms: fc.array(harm, { maxLength: 4 }),
  cursor: fc.option(fc.oneof(fc.string({ maxLength: 30 }), fc.constant('3 6dd28e9b\n')), { nil: undefined }),
})

const id = '0123456789abcdef'
const content = (bytes: Buffer) => ({ bytes, durable: bytes, nameIsDurable: true })

/** Opens and reads: only lines that were written, in order, none twice; what is settled does not come again, and new lines are taken. */
export const check = async ({ lines, harms, cursor }: Input): Promise<void> => {
  const records = lines.map((one, index) =>
    encodeRecord({ bytes: Buffer.from(one), sequence: index + 1, timeMs: 1_000 }, crc32(id)),
  )
  const disk = simulatedDisk(
    new Map([
      [`${'1'.padStart(16, '0')}-${id}.segment`, content(harms.reduce(harmed, Buffer.concat(records)))],
      ...(cursor === undefined ? [] : [['cursor', content(Buffer.from(cursor))] as const]),
    ]),
  )
  const { spool } = await opened(disk)
  const batches = await readBatches(spool)
  const found = batches.flatMap(linesIn)
  assert.ok(found.length <= lines.length, 'it gives out more lines than were written')
  let before = 0
  for (const [index, sequence] of batches.flatMap(({ sequences }) => [...sequences]).entries()) {
    assert.ok(sequence > before, 'the lines are not in order')
    assert.equal(
      text(found[index] ?? { bytes: Buffer.from('none') }),
      text({ bytes: Buffer.from(lines[sequence - 1] ?? '') }),
    )
    before = sequence
  }
  assert.equal(spool.unread, 0)
  assert.equal(spool.pending, found.length)
  for (const batch of batches) await spool.acked(batch)
  assert.equal(spool.pending, 0)
  await spool.append(linesOf('new'))
  const again = await opened(disk.afterCrash())
  assert.deepEqual(await readAll(again.spool), ['new'])
}
