import { randomBytes } from 'node:crypto'
import { Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { murmur2, partitionOf } from './partitioner.ts'

// The cases of UtilsTest in Kafka's Java client.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %s is that of the Java client', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
})

test('the partition of a key is the one that kafkajs chooses', () => {
  const partitioner = Partitioners.DefaultPartitioner()
  for (let round = 0; round < 500; round++) {
    const key = randomBytes(round % 40)
    const partitions = 1 + (round % 13)
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    }))
    const theirs = partitioner({ topic: 't', partitionMetadata, message: { key, value: null } })
    expect(partitionOf(key, partitions), `${key.toString('hex')} of ${partitions}`).toBe(theirs)
  }
})
