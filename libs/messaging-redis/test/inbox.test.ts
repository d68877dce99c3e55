import { randomUUID } from 'node:crypto'
import type { Inbox } from '@armature/messaging/inbox'
import { inboxConformance } from '@armature/messaging/testing-inbox'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openRedisInbox, type RedisInbox } from '../src/inbox.ts'

describe.skipIf(skipped('redis'))('on a server', () => {
  let inbox: RedisInbox
  beforeAll(async () => {
    inbox = await openRedisInbox(await serverUrl('redis'))
  }, serverDeadlineMs)
  afterAll(() => inbox.close())

  /** Shortens times by what has passed, since no test drives the time of the server: what is over then lasts a moment. */
  const open = () => {
    const name = randomUUID()
    let asked: { readonly key: Parameters<Inbox['claim']>[0]; readonly contents: string; readonly endsMs: number }[] =
      []
    const own = (key: Parameters<Inbox['claim']>[0]) => ({ ...key, handler: `${name} ${key.handler}` })
    const tested: Inbox = {
      claim: async (key, claim) => {
        const answer = await inbox.claim(own(key), claim)
        if (answer.state === 'claimed') asked.push({ key, contents: '', endsMs: claim.leaseMs })
        return answer
      },
      finish: async (key, entry) => {
        asked.push({ key, contents: entry.contents, endsMs: entry.expiryMs })
        await inbox.finish(own(key), entry)
      },
      release: (key) => inbox.release(own(key)),
    }
    const pass = async (ms: number) => {
      const over = asked.filter(({ endsMs }) => endsMs < ms)
      asked = []
      for (const { key, contents } of over) {
        await inbox.finish(own(key), { contents, expiryMs: 1 })
        while ((await inbox.claim(own(key), { contents: '', leaseMs: 1 })).state !== 'claimed');
        await inbox.release(own(key))
      }
    }
    return Promise.resolve({ inbox: tested, pass })
  }
  inboxConformance('Redis', open)

  test.each<[string, (key: Parameters<Inbox['claim']>[0]) => Promise<unknown>]>([
    ['a claim', (key) => inbox.claim(key, { contents: '', leaseMs: 20 })],
    ['what was handled', (key) => inbox.finish(key, { contents: '', expiryMs: 20 })],
  ])('the server forgets %s when its time is over', async (_, begin) => {
    const key = { handler: 'h', key: randomUUID() }
    await begin(key)
    await vi.waitFor(
      async () => expect(await inbox.claim(key, { contents: '', leaseMs: 60_000 })).toEqual({ state: 'claimed' }),
      { timeout: 10_000 },
    )
  })

  test('a bad URL is refused', async () => {
    await expect(openRedisInbox('redis://a,b')).rejects.toThrow(/2 hosts/)
  })
})
