import { expect, test } from 'vitest'
import type { EncodedMessage } from './codec.ts'
import type { Outlet } from './outlet.ts'
import { send, takeFromGapOn, type Job } from './send.ts'

const jobOf = (ids: readonly string[]): Job => ({
  topic: 'orders',
  key: 'orders',
  exchange: 'armature',
  messages: ids.map((id): EncodedMessage => ({ id, content: Buffer.from(id), properties: {} })),
  isDeadLetter: false,
  confirmed: new Uint8Array(ids.length),
  returned: new Set(),
  progressMs: 0,
  late: Promise.withResolvers(),
})

/** A channel that refuses some, and answers nothing about others. */
const outletThat = ({ refuses = [] as string[], isSilent = false }) => {
  const sent: string[] = []
  const channel = {
    publish: (
      _exchange: string,
      _key: string,
      content: Buffer,
      _properties: object,
      told: (e: Error | null) => void,
    ) => {
      const id = content.toString()
      sent.push(id)
      if (!isSilent) queueMicrotask(() => told(refuses.includes(id) ? new Error('message nacked') : null))
      return true
    },
  }
  const outlet = { channel, catchReturns: () => () => undefined, checkMark: () => Promise.resolve(), isOpen: true }
  return { outlet: outlet as unknown as Outlet, sent }
}

test('what was refused is sent again, and with takeFromGapOn what followed it, too', async () => {
  const job = jobOf(['1', '2', '3'])
  const full = outletThat({ refuses: ['2'] })
  expect(await send(full.outlet, job)).toBe('refused')
  expect([...job.confirmed]).toEqual([1, 0, 1])
  takeFromGapOn(job)
  const free = outletThat({})
  expect(await send(free.outlet, job)).toBe('done')
  expect(free.sent).toEqual(['2', '3'])
  takeFromGapOn(job)
  expect([...job.confirmed]).toEqual([1, 1, 1])
})

test('a job that is late ends its wait for confirms', async () => {
  const job = jobOf(['1'])
  const silent = outletThat({ isSilent: true })
  const outcome = send(silent.outlet, job)
  job.late.resolve('late')
  expect(await outcome).toBe('late')
  expect([...job.confirmed]).toEqual([0])
})
