import { describe, expect, test } from 'vitest'
import { drivenClock } from './clock.ts'
import { memoryBroker } from './memory.ts'
import { message } from './message.ts'

describe('memory broker', () => {
  test('delivers to one member of a group, and again after a reject', async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock })
    const client = broker.connect()
    const seen: string[] = []
    await client.subscribe(
      'a.*',
      async ({ id, attempt }) => {
        seen.push(`${id}:${attempt}`)
        if (attempt === 1) throw new Error('again')
      },
      { group: 'g' },
    )
    await client.publish('a.b', [message('a.b', 'x', { id: '1' })])
    await clock.advance(99)
    expect(seen).toEqual(['1:1'])
    await clock.advance(1)
    expect(seen).toEqual(['1:1', '1:2'])
    expect(broker.books()).toMatchObject({ delivered: 2, rejected: 1, acked: 1, inFlight: 0 })
  })
})
