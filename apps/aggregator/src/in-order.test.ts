import { UnrecoverableError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { expect, test, vi } from 'vitest'
import type { CompleteGroup } from './aggregate.ts'
import { inOrderOfKey } from './in-order.ts'

const group = (correlationKey: string, ...ids: string[]): CompleteGroup => ({
  correlationKey,
  mechanism: 'count',
  messages: ids.map((id) => ({ ...message('t', '', { id }), attempt: 1, signal: new AbortController().signal })),
})

/** Writes that end when the test says so. */
const slowWrites = (maxWritesAtOnce: number) => {
  const closing = new AbortController()
  const begun: string[] = []
  const ends: ((errors: (Error | undefined)[]) => void)[] = []
  const write = inOrderOfKey(
    ({ messages }) => {
      begun.push(messages.map(({ id }) => id).join(''))
      return new Promise((resolve) => void ends.push(resolve))
    },
    maxWritesAtOnce,
    closing.signal,
  )
  return { closing, begun, ends, write }
}

const outage = new RedeliverError('sink-outage', 'away')

test('the groups of one key are written one after the other, those of others meanwhile', async () => {
  const { write, begun, ends } = slowWrites(8)
  const all = [write(group('a', '1')), write(group('a', '2')), write(group('b', '3'))]
  await vi.waitFor(() => expect(begun).toEqual(['1', '3']))
  ends[0]?.([undefined])
  await vi.waitFor(() => expect(begun).toEqual(['1', '3', '2']))
  ends[1]?.([undefined])
  ends[2]?.([undefined])
  expect(await Promise.all(all)).toEqual([[undefined], [undefined], [undefined]])
})

test('what the sink did not take is written again before the next group of its key', async () => {
  const { write, begun, ends } = slowWrites(8)
  const refused = new UnrecoverableError('refused-by-sink', 'no')
  const first = write(group('a', '1', '2', '3'))
  const second = write(group('a', '4'))
  await vi.waitFor(() => expect(ends).toHaveLength(1))
  ends[0]?.([outage, refused, outage])
  await vi.waitFor(() => expect(begun).toEqual(['123', '13']))
  ends[1]?.([undefined, undefined])
  expect(await first).toEqual([undefined, refused, undefined])
  await vi.waitFor(() => expect(begun).toEqual(['123', '13', '4']))
  ends[2]?.([undefined])
  await second
})

test('once it closes nothing is written again', async () => {
  const { write, closing, ends } = slowWrites(1)
  const writing = write(group('a', '1'))
  await vi.waitFor(() => expect(ends).toHaveLength(1))
  closing.abort()
  ends[0]?.([outage])
  expect(await writing).toEqual([outage])
})

test('no more than the bound is written at once', async () => {
  const { write, begun, ends } = slowWrites(2)
  const all = ['a', 'b', 'c'].map((key) => write(group(key, key)))
  await vi.waitFor(() => expect(begun).toEqual(['a', 'b']))
  ends[1]?.([undefined])
  await vi.waitFor(() => expect(begun).toEqual(['a', 'b', 'c']))
  for (const end of ends) end([undefined])
  await Promise.all(all)
})
