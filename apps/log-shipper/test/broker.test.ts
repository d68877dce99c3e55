import { ConnectError, MessagingUrlError, PublishError } from '@armature/messaging/errors'
import { bodyText } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { exitCodes } from '@armature/service/exit-codes'
import { describe, expect, test } from 'vitest'
import { simulatedDisk } from './simulated-disk.ts'
import { guarded, numbered, openWorld, unavailable } from './world.ts'

describe('the broker away', () => {
  test('nothing is lost, order is kept, the books balance, readiness tells', async () => {
    let away = true
    const through = guarded((topic) => {
      if (away) throw unavailable(topic)
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    world.input.write(`${numbered(1, 100).join('\n')}\n`)
    for (let second = 0; second < 60; second++) {
      world.input.write(`during ${second}\n`)
      await world.clock.advance(1_000)
      expect(world.imbalance()).toBe(0)
    }
    expect(world.shipper.notReady?.()).toMatchObject([{ check: 'broker' }])
    expect(world.row()).toMatchObject({ received: 160, acked: 0, inFlight: 160 })
    away = false
    await world.clock.advance(20_000)
    await expect
      .poll(world.texts)
      .toEqual([...numbered(1, 100), ...Array.from({ length: 60 }, (_, second) => `during ${second}`)])
    expect(world.shipper.notReady?.()).toEqual([])
    expect(world.row()).toMatchObject({ acked: 160, inFlight: 0 })
  })

  test('bug: a topic that nobody reads ended the shipper: lines wait in the spool until somebody does', async () => {
    let isRead = false
    const through = guarded((topic) => {
      if (!isRead) throw new PublishError('nobody', { topic, fault: 'unroutable' })
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    world.input.write('one\ntwo\n')
    await world.clock.advance(60_000)
    expect(world.shipper.notReady?.()).toMatchObject([{ check: 'broker' }])
    expect(world.row()).toMatchObject({ received: 2, acked: 0, inFlight: 2 })
    isRead = true
    await world.clock.advance(20_000)
    await expect.poll(world.texts).toEqual(['one', 'two'])
    expect(world.imbalance()).toBe(0)
  })

  test('every other publish failing, some after the broker had taken it: order is kept and repeats have their ids', async () => {
    let publishes = 0
    const through = (driver: Driver): Driver => ({
      ...driver,
      publish: async (topic, messages) => {
        publishes++
        if (publishes % 4 === 1) throw unavailable(topic)
        await driver.publish(topic, messages)
        if (publishes % 4 === 3) throw unavailable(topic)
      },
    })
    const world = await openWorld({ through, config: { batchCount: 7 } })
    await world.shipper.start()
    const lines = numbered(1, 100)
    world.input.end(lines.join('\n'))
    for (let round = 0; round < 60; round++) await world.clock.advance(10_000)
    expect(await world.shipper.ended).toBe(0)
    const firsts = () => new Map(world.messages.map((message) => [message.id, bodyText(message)]))
    await expect.poll(() => [...firsts().values()]).toEqual(lines)
    expect(world.messages.length).toBeGreaterThan(100)
    expect(world.row()).toMatchObject({ received: 100, acked: 100, inFlight: 0 })
  })

  test('a publish that never answers is tried again', async () => {
    let first = true
    const through = guarded(() => {
      if (!first) return
      first = false
      return new Promise<never>(() => undefined)
    })
    const world = await openWorld({ through, config: { publishTimeoutMs: 1_000 } })
    await world.shipper.start()
    world.input.end('one')
    await world.clock.advance(5_000)
    expect(await world.shipper.ended).toBe(0)
    await expect.poll(world.texts).toEqual(['one'])
  })

  test('a full spool pauses the input; as the broker comes back all of it passes', async () => {
    let away = true
    const through = guarded((topic) => {
      if (away) throw unavailable(topic)
    })
    const world = await openWorld({ through, config: { maxLineBytes: 100, spoolMaxBytes: 5_000 } })
    await world.shipper.start()
    // Twice as many as are read ahead of the spool, and more.
    const lines = numbered(1, 60_000)
    for (const line of lines) world.input.write(`${line}\n`)
    await world.clock.advance(1_000)
    await expect.poll(() => world.shipper.notReady?.().map(({ check }) => check)).toContain('spool')
    const sizes = [...world.disk.files.values()].map(({ bytes }) => bytes.length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(5_000)
    expect(world.row().received).toBeLessThan(30_000)
    expect(world.imbalance()).toBe(0)
    away = false
    world.input.end()
    await world.clock.advance(20_000)
    expect(await world.shipper.ended).toBe(0)
    await expect.poll(() => world.messages.length, { timeout: 20_000 }).toBe(lines.length)
    expect(world.texts()).toEqual(lines)
  })

  test('the dead-letter topic away: what is at fault waits, nothing is lost', async () => {
    let away = true
    const through = guarded((topic) => {
      if (away && topic.endsWith('.DLT')) throw unavailable(topic)
    })
    const world = await openWorld({ through, config: { maxLineBytes: 5 } })
    await world.shipper.start()
    world.input.end('too long\nok\n')
    await world.clock.advance(5_000)
    expect(world.row()).toMatchObject({ acked: 0, deadLettered: 0, inFlight: 2 })
    away = false
    await world.clock.advance(20_000)
    expect(await world.shipper.ended).toBe(0)
    await expect.poll(() => world.letters).toHaveLength(1)
    expect(world.row()).toMatchObject({ acked: 1, deadLettered: 1, inFlight: 0 })
  })
})

describe('the broker away at the start', () => {
  test('bug: nothing was read, and the program before it got a broken pipe; now lines are spooled, then published', async () => {
    let away = true
    let attempts = 0
    const through = (driver: Driver): Driver => {
      attempts += 1
      if (away) throw new ConnectError('unavailable', 'no broker there')
      return driver
    }
    const world = await openWorld({ through })
    const starting = world.shipper.start()
    await world.clock.advance(1_000)
    await starting
    expect(world.shipper.notReady?.()).toEqual([{ check: 'broker', reason: 'no broker there' }])
    world.input.write(`${numbered(1, 100).join('\n')}\n`)
    for (let minute = 0; minute < 5; minute++) await world.clock.advance(60_000)
    expect(world.row()).toMatchObject({ received: 100, acked: 0, inFlight: 100 })
    expect(attempts).toBeGreaterThan(10)
    expect(attempts).toBeLessThan(1_000)
    away = false
    await world.clock.advance(20_000)
    await expect.poll(world.texts).toEqual(numbered(1, 100))
    expect(world.shipper.notReady?.()).toEqual([])
    world.input.end()
    expect(await world.shipper.ended).toBe(0)
  })

  test('one that never answers is waited for a second; a stop meanwhile leaves the lines to the next run', async () => {
    const disk = simulatedDisk()
    const silent = await openWorld({ disk, open: () => new Promise(() => undefined) })
    const starting = silent.shipper.start()
    await silent.clock.advance(1_000)
    await starting
    silent.input.end('one\ntwo')
    await expect.poll(() => silent.row().inFlight).toBe(2)
    await silent.shipper.stopIntake?.()
    await silent.shipper.close()
    const next = await openWorld({ disk })
    await next.shipper.start()
    await next.clock.advance(1_000)
    await expect.poll(next.texts).toEqual(['one', 'two'])
  })

  test('a wrong URL ends the start, and says so', async () => {
    const open = () => Promise.reject(new MessagingUrlError('the path is no vhost'))
    const world = await openWorld({ open })
    await expect(world.shipper.start()).rejects.toThrow('the path is no vhost')
  })

  test('credentials that are refused once it is there end the shipper with 78, and the lines stay', async () => {
    const disk = simulatedDisk()
    const answer = Promise.withResolvers<Driver>()
    const world = await openWorld({ disk, open: () => answer.promise })
    const starting = world.shipper.start()
    await world.clock.advance(1_000)
    await starting
    world.input.write('one\n')
    await expect.poll(() => world.row().inFlight).toBe(1)
    await world.clock.advance(1_000)
    answer.reject(new ConnectError('credentials', 'the user is refused'))
    await expect(world.shipper.ended).rejects.toMatchObject({ exitCode: 78, message: 'the user is refused' })
    await world.shipper.stopIntake?.()
    await expect(world.shipper.finish?.()).rejects.toThrow('the user is refused')
    await world.shipper.close()
    const next = await openWorld({ disk })
    await next.shipper.start()
    await next.clock.advance(1_000)
    await expect.poll(next.texts).toEqual(['one'])
  })
})

describe('the broker refusing', () => {
  test('one line of a batch: that one is dead-lettered, cut short if need be, the others pass in order', async () => {
    const through = guarded((topic, messages) => {
      const isTooLarge = messages.some(({ body }) => body.byteLength > 20_000)
      if (isTooLarge) throw new PublishError('20,000 bytes at most', { topic, fault: 'too-large' })
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    const huge = 'x'.repeat(30_000)
    world.input.end(['a', 'b', huge, 'c', 'd'].join('\n'))
    await world.shipper.ended
    await expect.poll(world.texts).toEqual(['a', 'b', 'c', 'd'])
    const headers = { 'dlt-reason': 'too-large', 'dlt-cut-body-bytes': '30000' }
    await expect.poll(() => world.letters).toMatchObject([{ headers }])
    expect(Buffer.from(world.letters[0]!.body).toString()).toBe(huge.slice(0, 30_000 - 16 * 1024))
    expect(world.row()).toMatchObject({ received: 5, acked: 4, deadLettered: 1, inFlight: 0 })
  })

  test('the text of a line: its dead letter goes without it and tells how long it was', async () => {
    const through = guarded((topic, messages) => {
      const poison = messages.some(({ body }) => Buffer.from(body).includes('poison'))
      if (poison) throw new PublishError('not this one', { topic, fault: 'bad-message' })
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    world.input.end('a\npoison\nb\n')
    expect(await world.shipper.ended).toBe(0)
    await expect.poll(world.texts).toEqual(['a', 'b'])
    const headers = { 'dlt-reason': 'bad-message', 'dlt-cut-body-bytes': '6' }
    await expect.poll(() => world.letters).toMatchObject([{ headers }])
    expect(world.row()).toMatchObject({ received: 3, acked: 2, deadLettered: 1, inFlight: 0 })
  })

  test('a line even as a dead letter: it is dropped, counted by reason, and the rest flows', async () => {
    const refused = new Set<string>()
    const through = guarded((topic, messages) => {
      for (const { id, body } of messages) if (Buffer.from(body).includes('poison')) refused.add(id)
      if (messages.some(({ id }) => refused.has(id))) {
        throw new PublishError('not this one', { topic, fault: 'bad-message' })
      }
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    world.input.end('a\npoison\nb\n')
    expect(await world.shipper.ended).toBe(exitCodes.data)
    await expect.poll(world.texts).toEqual(['a', 'b'])
    expect(world.letters).toEqual([])
    expect(world.row()).toMatchObject({ received: 3, acked: 2, dropped: { 'refused-by-broker': 1 }, inFlight: 0 })
  })

  test('the topic: the shipper ends with a fault and keeps the lines', async () => {
    const through = guarded((topic) => {
      throw new PublishError('no such topic', { topic, fault: 'bad-topic' })
    })
    const world = await openWorld({ through })
    await world.shipper.start()
    world.input.end('a\n')
    await world.clock.advance(1_000)
    await expect(world.shipper.ended).rejects.toThrow('no such topic')
    expect(world.row()).toMatchObject({ received: 1, inFlight: 1 })
  })
})
