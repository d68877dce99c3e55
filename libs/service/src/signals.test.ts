import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { signalExitCode, type StopSignal, stopSignals } from './exit-codes.ts'
import { onStopSignals, sameRequestMs } from './signals.ts'

const open = () => {
  const source = new EventEmitter()
  const [first, again] = [vi.fn(), vi.fn()]
  let nowMs = 0
  const stop = onStopSignals(source, { first, again, now: () => nowMs })
  const send = (signal: StopSignal, atMs: number) => {
    nowMs = atMs
    source.emit(signal, signal)
  }
  return { source, first, again, send, stop }
}

test.each(stopSignals)('the first signal (%s) asks for the drain', (signal) => {
  const { first, again, send } = open()
  send(signal, 0)
  expect(first).toHaveBeenCalledExactlyOnceWith(signal)
  expect(again).not.toHaveBeenCalled()
})

test.each([0, 1, sameRequestMs - 1])('one %i ms after the first is the same request, whichever it is', (atMs) => {
  const { first, again, send } = open()
  send('SIGINT', 0)
  send('SIGTERM', atMs)
  expect(first).toHaveBeenCalledOnce()
  expect(again).not.toHaveBeenCalled()
})

test.each([sameRequestMs, 60_000])('one %i ms after the first asks again', (atMs) => {
  const { again, send } = open()
  send('SIGINT', 0)
  send('SIGTERM', atMs)
  expect(again).toHaveBeenCalledExactlyOnceWith('SIGTERM')
})

test('the half second counts from the first, not from the last', () => {
  const { again, send } = open()
  for (const atMs of [0, 300, 499]) send('SIGINT', atMs)
  expect(again).not.toHaveBeenCalled()
  send('SIGINT', 500)
  expect(again).toHaveBeenCalledOnce()
})

test('a SIGHUP that is taken stops nothing; the others do, and after them SIGHUP is like any other', () => {
  const source = new EventEmitter()
  const [first, again, hangup] = [vi.fn(), vi.fn(), vi.fn(() => true)]
  let nowMs = 0
  onStopSignals(source, { first, again, hangup, now: () => nowMs })
  for (let times = 0; times < 2; times += 1) source.emit('SIGHUP', 'SIGHUP')
  expect(hangup).toHaveBeenCalledTimes(2)
  expect(first).not.toHaveBeenCalled()
  source.emit('SIGTERM', 'SIGTERM')
  expect(first).toHaveBeenCalledExactlyOnceWith('SIGTERM')
  nowMs = sameRequestMs
  source.emit('SIGHUP', 'SIGHUP')
  expect(again).toHaveBeenCalledExactlyOnceWith('SIGHUP')
  expect(hangup).toHaveBeenCalledTimes(2)
})

test('when stopped listens no more', () => {
  const { source, first, send, stop } = open()
  stop()
  send('SIGINT', 0)
  expect(first).not.toHaveBeenCalled()
  expect(stopSignals.map((signal) => source.listenerCount(signal))).toEqual([0, 0, 0])
})

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s exits with %i', (signal, code) => {
  expect(signalExitCode(signal)).toBe(code)
})
