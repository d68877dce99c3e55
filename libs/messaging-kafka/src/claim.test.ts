import { expect, test } from 'vitest'
import { arrivalOf, maxSpan, newClaim, placeOf, wantsMore } from './claim.ts'

const record = (offset: number) => ({
  offset,
  timestamp: 0,
  key: null,
  value: null,
  headers: { data: Buffer.of(0), at: 0 },
})

test('the place goes up to the oldest unsettled message, and never back', () => {
  const claim = newClaim({ topic: 't', partition: 0, offset: 10 }, 't')
  const acked: number[] = []
  const [first, second, third] = [10, 11, 12].map((offset) =>
    arrivalOf(record(offset), claim, () => acked.push(offset)),
  )
  expect(placeOf(claim)).toBe(10)
  second?.ack()
  third?.ack()
  expect(placeOf(claim)).toBe(10)
  first?.ack()
  expect(placeOf(claim)).toBe(13)
  expect(acked).toEqual([11, 12, 10])
})

test('what settles after the partition was taken away counts for nothing', () => {
  const claim = newClaim({ topic: 't', partition: 0, offset: 0 }, 't')
  let acked = 0
  const arrival = arrivalOf(record(0), claim, () => acked++)
  claim.state = 'over'
  arrival.ack()
  expect([acked, placeOf(claim)]).toEqual([0, 0])
})

test('a message that stays unsettled holds the partition up after so many others', () => {
  const claim = newClaim({ topic: 't', partition: 0, offset: 0 }, 't')
  arrivalOf(record(0), claim, () => undefined)
  claim.next = maxSpan - 1
  expect(wantsMore(claim)).toBe(true)
  claim.next = maxSpan
  expect(wantsMore(claim)).toBe(false)
  claim.next = 1
  claim.state = 'draining'
  expect(wantsMore(claim)).toBe(false)
})

test('bug: a partition was read no more behind so many offsets that no handler sees', () => {
  const claim = newClaim({ topic: 't', partition: 0, offset: 0 }, 't')
  claim.next = maxSpan
  expect([placeOf(claim), wantsMore(claim)]).toEqual([maxSpan, true])
  const arrival = arrivalOf(record(maxSpan), claim, () => undefined)
  claim.next = maxSpan + 10
  expect(placeOf(claim)).toBe(0)
  arrival.ack()
  expect(placeOf(claim)).toBe(maxSpan + 10)
})
