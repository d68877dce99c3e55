import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { takeover, type Takeover } from './jetstream-takeover.ts'

let unsettled: number | undefined
let pinId: string | undefined
let here: number
let delivered: string[]
let givenBack: string[]
let pinned: Takeover<string>

beforeEach(() => {
  vi.useFakeTimers()
  unsettled = 0
  pinId = 'pin'
  here = 0
  delivered = []
  givenBack = []
  pinned = takeover<string>({
    inHand: async () => {
      if (unsettled === undefined) throw new Error('the server is away')
      return { unsettled, pinId }
    },
    unsettledHere: () => here,
    deliver: (item) => void delivered.push(item),
    wake: () => undefined,
    onPinLost: (kept) => void givenBack.push(...kept),
  })
})
afterEach(() => {
  vi.useRealTimers()
})

const pass = () => vi.advanceTimersByTimeAsync(1_000)

test('before it begins every message is delivered at once', () => {
  pinned.offer(2, 'b')
  pinned.offer(1, 'a')
  expect(delivered).toEqual(['b', 'a'])
  expect(pinned.missing).toBeUndefined()
})

test('what came is kept until all of the previous member is here, and delivered in the order of the stream', async () => {
  unsettled = 3
  pinned.begin('pin')
  pinned.offer(7, 'new')
  here = 1
  await pass()
  expect(delivered).toEqual([])
  expect(pinned.missing).toBe(2)
  pinned.offer(2, 'second')
  pinned.offer(1, 'first')
  here = 3
  await pass()
  expect(delivered).toEqual(['first', 'second', 'new'])
  expect(pinned.missing).toBeUndefined()
})

test('while the server is away it waits, for one message at a time', async () => {
  unsettled = undefined
  pinned.begin('pin')
  pinned.offer(1, 'a')
  await pass()
  expect(delivered).toEqual([])
  expect(pinned.missing).toBe(1)
  unsettled = 0
  await pass()
  expect(delivered).toEqual(['a'])
})

test('a member that is pinned again meanwhile keeps what it has', async () => {
  unsettled = 5
  pinned.begin('pin')
  pinned.offer(2, 'b')
  await pass()
  pinned.begin('pin')
  pinned.offer(1, 'a')
  unsettled = 0
  await pass()
  expect(delivered).toEqual(['a', 'b'])
})

test('finish delivers at once, and end gives back what is kept', async () => {
  unsettled = 5
  pinned.begin('pin')
  pinned.offer(1, 'a')
  pinned.finish()
  expect(delivered).toEqual(['a'])
  pinned.begin('pin')
  pinned.offer(2, 'b')
  expect(pinned.end()).toEqual(['b'])
  unsettled = 0
  pinned.begin('pin')
  await pass()
  expect(delivered).toEqual(['a'])
})

test('bug: deliveries behind a lost one were delivered before it', async () => {
  pinned.begin('pin')
  await pass()
  pinned.delivered(11)
  pinned.offer(1, 'a')
  unsettled = 2
  here = 1
  pinned.delivered(13)
  pinned.offer(3, 'c')
  await pass()
  expect(delivered).toEqual(['a'])
  pinned.delivered(14)
  pinned.offer(2, 'b')
  here = 2
  await pass()
  expect(delivered).toEqual(['a', 'b', 'c'])
})

test('a gap means nothing where members share the messages, and where another pin begins', async () => {
  pinned.delivered(1)
  pinned.delivered(5)
  expect(pinned.missing).toBeUndefined()
  pinned.begin('pin')
  await pass()
  pinned.delivered(9)
  pinned.delivered(10)
  expect(pinned.missing).toBeUndefined()
})

test.each([['another one'], [undefined]])(
  'bug: two members waited for ever for what the other kept (pin: %s)',
  async (pin) => {
    unsettled = 5
    pinned.begin('pin')
    pinned.offer(2, 'b')
    pinned.offer(1, 'a')
    await pass()
    expect(givenBack).toEqual([])
    pinId = pin
    await pass()
    expect(givenBack).toEqual(['a', 'b'])
    expect(delivered).toEqual([])
    expect(pinned.missing).toBeUndefined()
  },
)
