import { describe, expect, test } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { elementAt } from '@armature/async/element-at'
import { TopicError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import type { BrowseOptions, StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'

const browserOf = ({ browser }: Driver): TopicBrowser => {
  if (browser === undefined) throw new Error('the driver has no browser')
  return browser
}

const all = async (
  browser: TopicBrowser,
  topic: string,
  options: BrowseOptions = { max: 1_000 },
): Promise<StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const each of browser.browse(topic, options)) held.push(each)
  return held
}

/** Tests of the browser, which sees a topic from outside: nothing moves, no group is joined, and exactly the given messages are removed. */
export const browserConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { groups, headers: keepsHeaders, browser: browses = false, browserTopic = uniqueTopic } = options

  describe('the browser', () => {
    if (!browses) {
      test('the driver has none', async () => {
        expect((await connect()).browser).toBeUndefined()
      })
    }

    declared(browses, 'shows what a topic holds, the oldest first, as it was published', async () => {
      const topic = browserTopic()
      const driver = await connect()
      const time = new Date('2024-02-29T12:34:56.789Z')
      const headers = keepsHeaders ? { 'dlt-reason': 'failed', traceparent: 'x' } : {}
      const first = message(topic, 'first', { key: 'k', time, headers })
      const messages = [first, ...numbered(topic, 30, ['k'])]
      await driver.publish(topic, messages)
      const held = await all(browserOf(driver), topic)
      expect(idsOf(held)).toEqual(idsOf(messages))
      const [oldest] = held
      expect(oldest).toMatchObject({ id: first.id, topic, key: 'k', time, headers })
      expect(Buffer.from(oldest?.body ?? []).toString()).toBe('first')
      expect(Math.abs((oldest?.storedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
      expect(await browserOf(driver).topics()).toContain(topic)
    })

    declared(browses, 'shows as many as are asked for, and ends at what is there now', async () => {
      const topic = browserTopic()
      const driver = await connect()
      const messages = numbered(topic, 10, ['k'])
      await driver.publish(topic, messages)
      const browser = browserOf(driver)
      expect(idsOf(await all(browser, topic, { max: 3 }))).toEqual(idsOf(messages.slice(0, 3)))
      expect(await all(browser, topic, { max: 10 })).toHaveLength(10)
      expect(await all(browser, topic, { max: 11 })).toHaveLength(10)
      expect(await all(browser, browserTopic(), { max: 11 })).toEqual([])
    })

    declared(browses, 'can be left early, by its signal too, and opened again', async () => {
      const topic = browserTopic()
      const driver = await connect()
      const messages = numbered(topic, 10, ['k'])
      await driver.publish(topic, messages)
      const browser = browserOf(driver)
      for await (const held of browser.browse(topic, { max: 10 })) {
        expect(held.id).toBe(elementAt(messages, 0).id)
        break
      }
      const controller = new AbortController()
      const seen: string[] = []
      const walk = async () => {
        for await (const { id } of browser.browse(topic, { max: 10, signal: controller.signal })) {
          seen.push(id)
          controller.abort()
        }
      }
      await walk().catch((error: unknown) => expect(controller.signal.aborted, String(error)).toBe(true))
      expect(seen.length).toBeLessThan(10)
      expect(await all(browser, topic)).toHaveLength(10)
    })

    declared(browses, 'moves nothing: who subscribes afterwards gets everything', async () => {
      const topic = browserTopic()
      const driver = await connect()
      const seen = recorder()
      const group = groups ? { group: `g-${topic}` } : {}
      const before = await driver.subscribe(topic, seen.handle, group)
      await before.stop()
      await before.close()
      const messages = numbered(topic, 10, ['k'])
      await driver.publish(topic, messages)
      await all(browserOf(driver), topic)
      await all(browserOf(driver), topic)
      if (!groups) return
      await driver.subscribe(topic, seen.handle, group)
      await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
      expect(seen.deliveries.map(({ attempt }) => attempt)).toEqual(messages.map(() => 1))
    })

    declared(browses, 'removes these and no others', async () => {
      const topic = browserTopic()
      const driver = await connect()
      const messages = numbered(topic, 10, ['k'])
      await driver.publish(topic, messages)
      const browser = browserOf(driver)
      const held = await all(browser, topic)
      const chosen = [2, 3, 7].map((at) => elementAt(held, at))
      await browser.remove(topic, chosen)
      const left = messages.filter((_, at) => ![2, 3, 7].includes(at))
      expect(idsOf(await all(browser, topic))).toEqual(idsOf(left))
      await browser.remove(topic, chosen)
      await browser.remove(topic, [])
      expect(idsOf(await all(browser, topic))).toEqual(idsOf(left))
      await browser.remove(topic, held)
      expect(await all(browser, topic)).toEqual([])
    })

    declared(browses, 'bug: two operators at once lost what neither removed', async () => {
      const topic = browserTopic()
      const drivers = [await connect(), await connect()]
      const messages = numbered(topic, 120, ['a', 'b', 'c'])
      await elementAt(drivers, 0).publish(topic, messages)
      const nth = new Map(messages.map(({ id }, index) => [id, index]))
      const drop = async (browser: TopicBrowser, part: number) => {
        const own = (await all(browser, topic)).filter(({ id }) => (nth.get(id) ?? 0) % 4 === part)
        for (let at = 0; at < own.length; at += 10) await browser.remove(topic, own.slice(at, at + 10))
      }
      await Promise.all(drivers.map((driver, part) => drop(browserOf(driver), part)))
      const left = idsOf(await all(browserOf(elementAt(drivers, 1)), topic))
      // The one may have published again what the other has read: a letter may lie there twice, under one id.
      const known = messages.filter((_, index) => index % 4 > 1)
      expect([...new Set(left)].filter((id) => (nth.get(id) ?? 0) % 4 > 1).sort()).toEqual(idsOf(known).sort())
    })

    declared(browses && groups, 'takes nothing from a group that reads at the same time', async () => {
      const topic = browserTopic()
      const [driver, operator] = [await connect(), await connect()]
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { group: `g-${topic}` })
      const messages = numbered(topic, 100, ['a', 'b', 'c'])
      for (let at = 0; at < 100; at += 20) {
        await driver.publish(topic, messages.slice(at, at + 20))
        await all(browserOf(operator), topic, { max: 50 })
      }
      await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
      expect(seen.deliveries).toHaveLength(100)
    })

    declared(browses, 'refuses a name that is no topic', async () => {
      const browser = browserOf(await connect())
      await expect(all(browser, 'a.*')).rejects.toThrow(TopicError)
      await expect(browser.remove('a..b', [])).rejects.toThrow(TopicError)
    })
  })
}
