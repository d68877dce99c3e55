import { PassThrough } from 'node:stream'
import { messagingMetrics } from '@armature/messaging/messaging-metrics'
import { describe, expect, test } from 'vitest'
import { settings } from '../src/config.ts'
import { simulatedDisk } from './simulated-disk.ts'
import { drain, guarded, numbered, openWorld, unavailable } from './world.ts'

describe('lines', () => {
  test('come to the topic in order, as they are, once, and the shipper ends with 0', async () => {
    const world = await openWorld()
    await world.shipper.start()
    const lines = numbered(1, 2_000)
    world.input.end(lines.join('\n'))
    expect(await world.shipper.ended).toBe(0)
    await expect.poll(world.texts).toEqual(lines)
    expect(new Set(world.messages.map(({ id }) => id)).size).toBe(2_000)
    expect(world.row()).toMatchObject({ received: 2_000, acked: 2_000, inFlight: 0 })
  })

  test('say what they are and where they come from', async () => {
    const world = await openWorld({ config: { key: 'app' } })
    await world.shipper.start()
    world.input.end('{"level":"info","id":"not mine"}\n[1]\n{"broken\ntext\n')
    await world.shipper.ended
    await expect
      .poll(() => world.messages.map(({ headers }) => headers['content-type']))
      .toEqual(['application/json', ...Array<string>(3).fill('text/plain; charset=utf-8')])
    expect(world.messages).toHaveLength(4)
    for (const { headers, key, time } of world.messages) {
      expect([headers['source'], key, time.getTime()]).toEqual(['here', 'app', Date.UTC(2026, 0, 1)])
    }
  })

  test('bug: with white space around that JSON does not know, they went out as application/json', async () => {
    const world = await openWorld()
    await world.shipper.start()
    const lines = ['\f{"a":1}', '{"b":2}\u00a0', '{"c":3}\u2028', '\ufeff{"d":4}', ' \t{"e":5} ']
    world.input.end(lines.join('\n'))
    await world.shipper.ended
    await expect
      .poll(() => world.messages.map(({ headers }) => headers['content-type']))
      .toEqual([...Array<string>(4).fill('text/plain; charset=utf-8'), 'application/json'])
    expect(world.messages.map(({ body }) => Buffer.from(body).toString())).toEqual(lines)
  })

  test('that are too long or no UTF-8 are dead-lettered with a reason, and the rest flows', async () => {
    const world = await openWorld({ config: { maxLineBytes: 10 } })
    await world.shipper.start()
    world.input.end(
      Buffer.concat([Buffer.from('ok\nthis is too long\n'), Buffer.from([0xc3, 0x0a]), Buffer.from('ok')]),
    )
    await world.shipper.ended
    await expect.poll(world.texts).toEqual(['ok', 'ok'])
    await expect.poll(() => world.letters).toHaveLength(2)
    expect(world.letters).toMatchObject([
      { body: Buffer.from('this is to'), headers: { 'dlt-reason': 'too-long', 'cut-bytes': '6', source: 'here' } },
      { body: Buffer.from([0xc3]), headers: { 'dlt-reason': 'not-utf8' } },
    ])
    expect(world.row()).toMatchObject({ received: 4, acked: 2, deadLettered: 2, inFlight: 0 })
    expect(world.metrics.value(messagingMetrics.dead_letters_total, { topic: 'logs.test', reason: 'too-long' })).toBe(1)
  })

  test('wait for a batch no longer than its period', async () => {
    const world = await openWorld({ config: { batchPeriodMs: 50 } })
    await world.shipper.start()
    world.input.write('one\n')
    await world.clock.advance(49)
    await expect.poll(() => world.row().inFlight).toBe(1)
    expect(world.texts()).toEqual([])
    await world.clock.advance(50)
    await expect.poll(world.texts).toEqual(['one'])
  })

  test.each([
    ['count', { batchCount: 3 }],
    ['bytes', { batchBytes: 90 }],
  ])('do not wait once the %s of a batch is reached', async (_name, config) => {
    const world = await openWorld({ config })
    await world.shipper.start()
    world.input.write('one\ntwo\nthree\n')
    await expect.poll(world.texts).toHaveLength(3)
  })
})

describe('the end', () => {
  test('a stop ships what was read, the last line too, and leaves nothing behind', async () => {
    const world = await openWorld()
    await world.shipper.start()
    world.input.write('one\ntwo\nnot ended')
    await drain(world.shipper)
    await expect.poll(world.texts).toEqual(['one', 'two', 'not ended'])
    expect(world.row()).toMatchObject({ received: 3, acked: 3, inFlight: 0 })
    expect([...world.disk.files.keys()]).toEqual(['cursor'])
  })

  test('a stop while the broker is away and the spool is full: all that was read is in the spool for the next run', async () => {
    const disk = simulatedDisk()
    const through = guarded((topic) => {
      throw unavailable(topic)
    })
    const world = await openWorld({ disk, through, config: { maxLineBytes: 100, spoolMaxBytes: 5_000 } })
    await world.shipper.start()
    world.input.write(`${numbered(1, 1_000).join('\n')}\n`)
    await expect.poll(() => world.shipper.notReady?.().map(({ check }) => check)).toContain('spool')
    await world.shipper.stopIntake?.()
    expect(world.row()).toMatchObject({ received: 1_000, inFlight: 1_000 })
    await world.shipper.close()

    const next = await openWorld({ disk })
    await next.shipper.start()
    await next.clock.advance(1_000)
    await expect.poll(next.texts).toEqual(numbered(1, 1_000))
    expect(next.row()).toMatchObject({ received: 1_000, acked: 1_000, inFlight: 0 })
  })

  test('bug: a reader of the echo that had stopped reading made the drain lose what was read', async () => {
    const echo = new PassThrough({ highWaterMark: 1 })
    const { input, shipper, texts, row } = await openWorld({ echo })
    await shipper.start()
    input.write(numbered(1, 100).join('\n'))
    await expect.poll(() => echo.readableLength).toBeGreaterThan(0)
    expect(row().received).toBe(0)
    await drain(shipper)
    await expect.poll(texts).toEqual(numbered(1, 100))
    expect(row()).toMatchObject({ received: 100, acked: 100, inFlight: 0 })
  })

  test('a crash after the publish and before the ack: the next run repeats the lines with their ids', async () => {
    const disk = simulatedDisk()
    const world = await openWorld({ disk })
    await world.shipper.start()
    disk.onOperation = (operation) => {
      if (operation === 'replace') throw new Error('the end')
    }
    world.input.write('one\ntwo\n')
    await world.clock.advance(100)
    await expect.poll(world.texts).toEqual(['one', 'two'])

    const next = await openWorld({ disk: disk.afterCrash(), broker: world.broker, clock: world.clock })
    await next.shipper.start()
    next.input.end('three\n')
    await next.shipper.ended
    await expect.poll(next.texts).toEqual(['one', 'two', 'one', 'two', 'three'])
    expect(new Set(next.messages.map(({ id }) => id)).size).toBe(3)
  })

  test('a disk that fails ends the shipper with 74; what it holds is still shipped', async () => {
    const disk = simulatedDisk()
    const world = await openWorld({ disk })
    await world.shipper.start()
    world.input.write('held\n')
    await expect.poll(() => world.row().inFlight).toBe(1)
    disk.fail('sync', 'EIO')
    world.input.write('not held\n')
    await expect(world.shipper.ended).rejects.toMatchObject({ exitCode: 74 })
    await expect(world.shipper.stopIntake?.()).rejects.toThrow('EIO')
    expect(world.imbalance()).toBe(0)
    await expect.poll(world.texts).toEqual(['held'])
    expect(world.row()).toMatchObject({ received: 2, acked: 1, inFlight: 1 })
  })

  test('held open, it goes on after the input has ended', async () => {
    const world = await openWorld({ config: { hold: true } })
    await world.shipper.start()
    world.input.end('one\n')
    await world.clock.advance(100)
    await expect.poll(world.texts).toEqual(['one'])
    const ended = await Promise.race([world.shipper.ended, Promise.resolve('not ended')])
    expect(ended).toBe('not ended')
    await drain(world.shipper)
  })

  test('closing twice, and before start, does nothing', async () => {
    const world = await openWorld()
    await world.shipper.close()
    await world.shipper.close()
    expect(world.row()).toMatchObject({ received: 0, inFlight: 0 })
  })
})

test('damage found in the spool is booked as dropped', async () => {
  const disk = simulatedDisk()
  const through = guarded((topic) => {
    throw unavailable(topic)
  })
  const world = await openWorld({ disk, through })
  await world.shipper.start()
  world.input.write('aaa\nbbb\nccc\n')
  await expect.poll(() => world.row().inFlight).toBe(3)
  const crashed = disk.afterCrash()
  for (const [name, file] of crashed.files) if (name.endsWith('.segment')) file.bytes[40]! ^= 1
  const next = await openWorld({ disk: crashed })
  await next.shipper.start()
  next.input.end()
  await next.shipper.ended
  await expect.poll(next.texts).toEqual(['aaa', 'ccc'])
  expect(next.row()).toMatchObject({ received: 3, acked: 2, dropped: { 'spool-damage': 1 }, inFlight: 0 })
})

describe('settings', () => {
  test.each(['logs.app', 'logs.a.b'])('topic %j is one', (topic) => {
    expect(settings.parse({ topic }).topic).toBe(topic)
  })
  test.each(['logs.>', '', 'a b', 'logs.app.DLT'])('topic %j is refused', (topic) => {
    expect(() => settings.parse({ topic })).toThrow()
  })
  test.each([{ source: '/hosts/a-1' }, { source: 'urn:app:1' }, { key: 'ключ 1' }])('%j is taken', (given) => {
    expect(settings.parse(given)).toMatchObject(given)
  })
  test.each([{ source: 'two words' }, { source: '' }, { source: 'ä' }, { key: 'a\nb' }])('%j is refused', (given) => {
    expect(settings.safeParse(given).success).toBe(false)
  })
  test('a spool too small for the longest line is refused, naming the setting', () => {
    const given = { maxLineBytes: 1_000, spoolMaxBytes: 4 * 1_032 }
    expect(settings.parse(given)).toMatchObject(given)
    expect(settings.safeParse({ ...given, spoolMaxBytes: 4 * 1_032 - 1 }).error?.issues).toMatchObject([
      { path: ['spoolMaxBytes'] },
    ])
  })
})
