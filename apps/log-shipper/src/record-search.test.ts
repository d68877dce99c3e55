import { expect, test } from 'vitest'
import { encodeRecord } from '../test/spool-world.ts'
import { findRecord } from './record.ts'

/** Bytes that look like the beginning of a record that goes to the end, again and again. */
const lookalikes = (count: number): Buffer => {
  const part = Buffer.alloc(12)
  part.write('ALS1')
  const all = Buffer.alloc(count * part.length, part)
  for (let at = 0; at < all.length; at += part.length) all.writeUInt32LE(Math.max(0, all.length - at - 32), at + 8)
  return all
}

test('bug: the search for a record held up the process: others have their turn, and it is found', async () => {
  const record = encodeRecord({ sequence: 1, bytes: Buffer.from('line'), timeMs: 0 }, 7)
  const hostile = lookalikes(5_000)
  let turns = 0
  const counting = setInterval(() => (turns += 1), 1)
  const found = await findRecord(Buffer.concat([hostile, record]), 0, 7)
  clearInterval(counting)
  expect(found).toBe(hostile.length)
  expect(turns).toBeGreaterThan(0)
})
