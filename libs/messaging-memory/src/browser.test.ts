import { describe, expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { TopicError } from '@armature/messaging/errors'
import { memoryBroker } from './broker.ts'
import { bodyText, message } from '@armature/messaging/message'
import type { BrowseOptions, StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'

const open = (options = {}) => {
  const clock = drivenClock(1_000)
  const broker = memoryBroker({ clock, ...options })
  const client = broker.connect()
  const { browser } = client
  if (browser === undefined) throw new Error('the memory driver has a browser')
  const publish = async (topic: string, bodies: readonly string[], key?: string) => {
    for (const body of bodies) {
      await client.publish(topic, [message(topic, body, { id: `id-${body}`, ...(key === undefined ? {} : { key }) })])
      await clock.advance(10)
    }
  }
  return { clock, broker, client, browser, publish }
}

const all = async (
  browser: TopicBrowser,
  topic: string,
  options: BrowseOptions = { max: 1_000 },
): Promise<StoredMessage[]> => {
  const found: StoredMessage[] = []
  for await (const one of browser.browse(topic, options)) found.push(one)
  return found
}

const bodies = (found: readonly StoredMessage[]) => found.map(bodyText)

describe('browsing the memory broker', () => {
  test('names the topics and gives what lies there, the oldest first', async () => {
    const { browser, publish } = open()
    await publish('b', ['1', '2', '3'])
    await publish('a', ['x'], 'k')
    expect(await browser.topics()).toEqual(['a', 'b'])
    const found = await all(browser, 'b')
    expect(bodies(found)).toEqual(['1', '2', '3'])
    expect(found.map(({ storedAt }) => storedAt.getTime())).toEqual([1_000, 1_010, 1_020])
    expect((await all(browser, 'a'))[0]).toMatchObject({ id: 'id-x', topic: 'a', key: 'k' })
  })

  test('leaves out what came after the call, and what is over the maximum', async () => {
    const { browser, publish } = open({ partitions: 1 })
    await publish('a', ['1', '2'])
    const found = browser.browse('a', { max: 10 })
    await publish('a', ['3'])
    const seen: StoredMessage[] = []
    for await (const one of found) seen.push(one)
    expect(bodies(seen)).toEqual(['1', '2'])
    expect(bodies(await all(browser, 'a', { max: 1 }))).toEqual(['1'])
  })

  test('ends when it is told to', async () => {
    const { browser, publish } = open()
    await publish('a', ['1', '2', '3'])
    const stop = new AbortController()
    const seen: StoredMessage[] = []
    for await (const one of browser.browse('a', { max: 10, signal: stop.signal })) {
      seen.push(one)
      stop.abort()
    }
    expect(bodies(seen)).toEqual(['1'])
  })

  test('finds nothing in a topic that is not there, and refuses a name that is no topic', async () => {
    const { browser } = open()
    expect(await all(browser, 'nothing')).toEqual([])
    await expect(all(browser, 'a..b')).rejects.toThrow(TopicError)
    await expect(browser.remove('a..b', [])).rejects.toThrow(TopicError)
  })

  test('takes nothing from who reads the topic, and moves no group', async () => {
    const { clock, client, browser, publish } = open()
    await publish('a', ['1', '2'])
    await all(browser, 'a')
    const seen: string[] = []
    await client.subscribe('a', async (one) => void seen.push(bodyText(one)), { group: 'g', from: 'earliest' })
    await clock.advance(1)
    expect(seen.sort()).toEqual(['1', '2'])
  })
})

describe('removing from the memory broker', () => {
  const remove = async (browser: TopicBrowser, body: string) => {
    const found = (await all(browser, 'a')).filter((one) => bodyText(one) === body)
    await browser.remove('a', found)
    await browser.remove('a', found)
  }

  test('removes these and no others, for browsers and for groups to come', async () => {
    const { clock, client, browser, publish } = open()
    await publish('a', ['1', '2', '3'])
    await remove(browser, '2')
    expect(bodies(await all(browser, 'a'))).toEqual(['1', '3'])
    const seen: string[] = []
    await client.subscribe('a', async (one) => void seen.push(bodyText(one)), { group: 'g', from: 'earliest' })
    await clock.advance(1)
    expect(seen.sort()).toEqual(['1', '3'])
  })

  test.each([
    ['the one whose turn it is', '1', ['2', '3']],
    ['one behind it', '2', ['1', '3']],
  ])('with serial, %s holds nothing up', async (_, removed, left) => {
    const { clock, broker, client, browser, publish } = open()
    const seen: string[] = []
    const works = { up: false }
    await client.subscribe(
      'a',
      async (one) => {
        if (!works.up) throw new Error('not yet')
        seen.push(bodyText(one))
      },
      { group: 'g', serial: 'key', redeliveryDelayMs: 1_000 },
    )
    await publish('a', ['1', '2', '3'], 'k')
    await remove(browser, removed)
    works.up = true
    await clock.advance(5_000)
    expect(seen).toEqual(left)
    expect(broker.books().inFlight).toBe(0)
  })

  test('what a handler has already can still be settled', async () => {
    const { clock, broker, client, browser, publish } = open()
    const held = Promise.withResolvers<void>()
    await client.subscribe('a', () => held.promise, { group: 'g' })
    await publish('a', ['1'])
    await remove(browser, '1')
    held.resolve()
    await clock.advance(1)
    expect(broker.books()).toMatchObject({ delivered: 1, acked: 1, inFlight: 0 })
  })

  test('makes room where the topic is full of what was removed', async () => {
    const { clock, broker, client, browser, publish } = open({
      partitions: 1,
      maxPartitionMessages: 2,
      publishWaitMs: 0,
    })
    await client.subscribe('a', () => Promise.reject(new Error('never')), { group: 'g', redeliveryDelayMs: 1_000 })
    await publish('a', ['1', '2'])
    await expect(publish('a', ['3'])).rejects.toThrow(/no room/)
    await remove(browser, '1')
    await remove(browser, '2')
    await clock.advance(2_000)
    await publish('a', ['3'])
    expect(broker.books().published).toBe(3)
  })
})
