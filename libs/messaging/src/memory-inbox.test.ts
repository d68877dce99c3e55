import { expect, test } from 'vitest'
import { createMemoryInbox } from './memory-inbox.ts'
import { drivenInbox, inboxConformance } from './testing-inbox.ts'

inboxConformance('memory', () => Promise.resolve(drivenInbox((clock) => createMemoryInbox({ clock }))))

test('the oldest key is forgotten beyond the bound', async () => {
  const inbox = createMemoryInbox({ maxKeys: 2 })
  const claim = (key: string) => inbox.claim({ handler: 'h', key }, { contents: '', leaseMs: 1_000 })
  for (const key of ['a', 'b', 'c']) await claim(key)
  expect(await claim('b')).toEqual({ state: 'busy' })
  expect(await claim('a')).toEqual({ state: 'claimed' })
})
