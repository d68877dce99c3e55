import { expect, test } from 'vitest'
import { Lease, leased, onLost } from './lease.ts'
import { message } from './message.ts'

const facts = { attempt: 2, position: { partition: 1, offset: 3 }, undecodable: undefined }
const received = message('orders', 'body', { id: '1', key: 'k', time: new Date(0), headers: { a: 'b' } })

class CountedLease extends Lease {
  asked = 0

  override get signal(): AbortSignal {
    this.asked++
    return super.signal
  }
}

test('a listener makes no signal; a spread copy has the one of its delivery', () => {
  const lease = new CountedLease()
  const delivery = leased(received, facts, lease)
  onLost(delivery, () => undefined)
  expect(lease.asked).toBe(0)
  expect({ ...delivery }.signal).toBe(delivery.signal)
})

test('a spread copy has all that the delivery has', () => {
  const delivery = leased(received, facts, new Lease())
  expect({ ...delivery }).toEqual({ ...received, ...facts, keyBytes: undefined, signal: delivery.signal })
})

test('all that listen hear once that the message is lost, and the signal is aborted, whenever it is asked for', () => {
  const heard: string[] = []
  const lease = new Lease()
  const delivery = leased(received, facts, lease)
  onLost(delivery, () => heard.push('first'))
  onLost(delivery, () => heard.push('second'))
  expect(heard).toEqual([])
  lease.lose()
  expect(heard).toEqual(['first', 'second'])
  onLost(delivery, () => heard.push('late'))
  expect(heard).toEqual(['first', 'second', 'late'])
  expect(delivery.signal.aborted).toBe(true)
  expect(String(delivery.signal.reason)).toMatch(/comes again/)
})

test('a signal that was asked for before is aborted by the loss', () => {
  const lease = new Lease()
  const { signal } = leased(received, facts, lease)
  expect(signal.aborted).toBe(false)
  lease.lose()
  expect(signal.aborted).toBe(true)
})

test('a copy with another signal, as a timeout makes, keeps that', () => {
  const other = new AbortController()
  const lease = new Lease()
  const limited = { ...leased(received, facts, lease), signal: other.signal }
  const heard: string[] = []
  onLost(limited, () => heard.push('lost'))
  lease.lose()
  expect(limited.signal.aborted).toBe(false)
  expect(heard).toEqual([])
  other.abort()
  expect(heard).toEqual(['lost'])
})

test('who has stopped listening to a signal hears nothing', () => {
  const controller = new AbortController()
  const heard: string[] = []
  const end = onLost({ ...received, ...facts, signal: controller.signal }, () => heard.push('lost'))
  end()
  controller.abort()
  expect(heard).toEqual([])
})
