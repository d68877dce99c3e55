import { describe, expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { MessagingUrlError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { memoryUrlOptions } from '@armature/messaging-memory/settings'
import { message } from '@armature/messaging/message'
import { messagingSchemes, openDriver } from './open.ts'

describe('openDriver', () => {
  test('opens the in-memory broker that it is given', async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock })
    const [one, two] = [await openDriver('memory:', { broker }), await openDriver('memory://', { broker })]
    const seen: string[] = []
    await two.subscribe('t', async ({ id }) => void seen.push(id))
    await one.publish('t', [message('t', '', { id: 'a' })])
    await clock.advance(0)
    expect(seen).toEqual(['a'])
    expect(one.scheme).toBe('memory')
  })

  test('without one, each has a broker of its own, on the given clock', async () => {
    const clock = drivenClock()
    const [one, two] = [await openDriver('memory:', { clock }), await openDriver('memory:', { clock })]
    const seen: string[] = []
    await two.subscribe('t', async ({ id }) => void seen.push(id))
    await one.publish('t', [message('t', '')])
    await clock.advance(0)
    expect(seen).toEqual([])
  })

  test('takes limits from the URL', async () => {
    const driver = await openDriver('memory:?maxMessageBytes=3&seed=9')
    await expect(driver.publish('t', [message('t', 'four')])).rejects.toThrow('the limit is 3')
    expect(memoryUrlOptions('memory:?partitions=2&seed=9')).toEqual({ partitions: 2, seed: 9 })
  })

  const rejected: [string, RegExp][] = [
    ['', /no scheme: begin it with one of memory:/],
    ['localhost:', /no messaging driver for localhost: use one of memory:/],
    ['//x', /no scheme/],
    ['kaffka://broker:9092', /no messaging driver for kaffka: use one of memory:/],
    ['constructor:x', /no messaging driver for constructor/],
    ['memory:orders', /no host and no path/],
    ['memory://host', /no host and no path/],
    ['memory:?colour=red', /no parameter "colour": use seed, partitions/],
    ['memory:?partitions=many', /partitions of memory: is "many": give a whole number/],
    ['memory:?partitions=0', /partitions is 0: give a whole number, 1 or more/],
  ]
  test.each(rejected)('refuses %j', async (url, problem) => {
    const opening = openDriver(url)
    await expect(opening).rejects.toThrow(MessagingUrlError)
    await expect(opening).rejects.toThrow(problem)
  })

  test('refuses parameters for a broker that is open already', async () => {
    await expect(openDriver('memory:?partitions=2', { broker: memoryBroker() })).rejects.toThrow('leave them out')
  })

  test('never shows the credentials of a URL', async () => {
    for (const url of ['kaffka://user:canary@host', 'memory://user:canary@host', 'canary']) {
      const error: unknown = await openDriver(url).catch((reason: unknown) => reason)
      expect(String(error)).not.toContain('canary')
    }
  })

  test('names its schemes', () => expect(messagingSchemes).toContain('memory'))
})
