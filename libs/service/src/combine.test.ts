import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { combine, type Part } from './combine.ts'

const noted = (notes: string[], name: string, more: Partial<Part> = {}): Part => ({
  start: async () => void notes.push(`start ${name}`),
  stopIntake: async () => void notes.push(`stop ${name}`),
  close: async () => void notes.push(`close ${name}`),
  ...more,
})

test('parts start in their order and close in the opposite one', async () => {
  const notes: string[] = []
  const service = combine('both', testTelemetry(), [noted(notes, 'store'), noted(notes, 'api')])
  await service.start()
  await service.stopIntake?.()
  await service.close()
  expect(notes).toEqual(['start store', 'start api', 'stop store', 'stop api', 'close api', 'close store'])
})

test('a part that cannot start is the last that does, and close reaches all parts', async () => {
  const notes: string[] = []
  const failing = noted(notes, 'api', { start: () => Promise.reject(new Error('no port')) })
  const service = combine('both', testTelemetry(), [noted(notes, 'store'), failing, noted(notes, 'handlers')])
  await expect(service.start()).rejects.toThrow('no port')
  await service.close()
  expect(notes).toEqual(['start store', 'close handlers', 'close api', 'close store'])
})

test('a part that cannot close keeps none of the others open', async () => {
  const notes: string[] = []
  const failing = noted(notes, 'api', { close: () => Promise.reject(new Error('stuck')) })
  const service = combine('both', testTelemetry(), [noted(notes, 'store'), failing])
  await expect(service.close()).rejects.toThrow('stuck')
  expect(notes).toEqual(['close store'])
  const two = combine('both', testTelemetry(), [failing, failing])
  await expect(two.close()).rejects.toThrow('both could not close')
})

test('what one part says of itself, the service says', () => {
  const row = { stage: 'a', received: 1, acked: 1, returned: 0, deadLettered: 0, dropped: {}, inFlight: 0 }
  const first = noted([], 'a', {
    checks: ['broker'],
    notReady: () => [{ check: 'broker', reason: 'is away' }],
    ledger: () => [row],
    addresses: () => [{ label: 'gRPC', address: '127.0.0.1:1' }],
    waitsFor: 'waits for calls',
  })
  const service = combine('both', testTelemetry(), [first, noted([], 'b', { checks: ['broker', 'database'] })])
  expect(service.checks).toEqual(['broker', 'database'])
  expect(service.notReady?.()).toEqual([{ check: 'broker', reason: 'is away' }])
  expect(service.ledger()).toEqual([row])
  expect(service.addresses?.()).toEqual([{ label: 'gRPC', address: '127.0.0.1:1' }])
  expect(service.waitsFor).toBe('waits for calls')
})
