import { expect, test } from 'vitest'
import { bookAsDropped, withNotes } from './delivery-notes.ts'
import { Lease, leased } from './lease.ts'
import { message } from './message.ts'

const facts = { attempt: 1, position: undefined, undecodable: undefined }
const received = message('orders', 'body')

test('notes are made once, and a spread copy has them', () => {
  const { noted, notes } = withNotes(leased(received, facts, new Lease()))
  expect(withNotes({ ...noted }).notes).toBe(notes)
  bookAsDropped({ ...noted }, 'late')
  expect(notes.settlement).toEqual({ dropped: 'late' })
})

test('a delivery that is given to several has notes of its own for each', () => {
  const delivery = { ...received, ...facts, signal: new AbortController().signal }
  const first = withNotes(delivery)
  bookAsDropped(first.noted, 'late')
  expect(withNotes(delivery).notes.settlement).toBeUndefined()
})

test('notes on a leased delivery make no signal', () => {
  let asked = 0
  class CountedLease extends Lease {
    override get signal(): AbortSignal {
      asked++
      return super.signal
    }
  }
  withNotes(leased(received, facts, new CountedLease()))
  expect(asked).toBe(0)
})
