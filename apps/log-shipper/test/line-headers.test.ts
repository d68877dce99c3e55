import { hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { type Config, settings } from '../src/config.ts'
import { fieldHeaders } from '../src/fields.ts'
import { simulatedDisk } from './simulated-disk.ts'
import { guarded, openWorld, unavailable } from './world.ts'

test('a line has its level as a header, where it tells it', async () => {
  const world = await openWorld()
  await world.shipper.start()
  world.input.end('{"level":50}\nWARN x\nplain\n{"a":1}\n')
  await world.shipper.ended
  await expect
    .poll(() => world.messages.map(({ headers }) => headers['level']))
    .toEqual(['error', 'warn', undefined, undefined])
})

describe('secrets', () => {
  const secret = '{"password":"hunter2","mail":"jane@example.com","card":4111111111111111}'

  test('never reach the disk, nor the topic, nor the dead-letter topic', async () => {
    const disk = simulatedDisk()
    const away = guarded((topic) => {
      throw unavailable(topic)
    })
    const config: Partial<Config> = { redact: ['cards', 'email'], redactKeys: ['password'], maxLineBytes: 200 }
    const world = await openWorld({ disk, through: away, config })
    await world.shipper.start()
    const tooLong = `{"password":"hunter2 ${'x'.repeat(300)}`
    world.input.end(Buffer.concat([Buffer.from(`${secret}\n${tooLong}\n{"password":"hunter2`), Buffer.from([0xff])]))
    await expect.poll(() => world.row().inFlight).toBe(3)
    const written = Buffer.concat([...disk.files.values()].map(({ bytes }) => bytes)).toString('latin1')
    expect(written).toContain('"password":"[redacted]"')
    for (const word of ['hunter2', 'jane@', '4111']) expect(written).not.toContain(word)
    const next = await openWorld({ disk: disk.afterCrash() })
    await next.shipper.start()
    next.input.end()
    await next.shipper.ended
    await expect.poll(next.texts).toEqual(['{"password":"[redacted]","mail":"[email]","card":"[card]"}'])
    await expect.poll(() => next.letters).toHaveLength(2)
    for (const { body } of next.letters) expect(Buffer.from(body).toString('latin1')).not.toContain('hunter2')
  })

  test('are left where nothing is asked for', async () => {
    const world = await openWorld()
    await world.shipper.start()
    world.input.end(secret)
    await world.shipper.ended
    await expect.poll(world.texts).toEqual([secret])
  })

  test('by a pattern that cannot be read: the setting is refused', () => {
    expect(settings.safeParse({ redactPattern: '(' }).error?.issues).toMatchObject([{ path: ['redactPattern'] }])
  })
})

describe('fields', () => {
  const options = { topic: 'logs.shop', stream: 'stdout' }

  test('say where lines come from', () => {
    const headers = fieldHeaders({ ...options, fields: ['host', 'service', 'pod', 'stream'], podName: 'shop-1' })
    expect(headers).toEqual({ host: hostname(), service: 'shop', pod: 'shop-1', stream: 'stdout' })
  })

  test('only those that are asked for, and that a header can hold', () => {
    expect(fieldHeaders({ ...options, fields: ['service', 'stream'], serviceName: 'a\nb' })).toEqual({
      stream: 'stdout',
    })
    expect(fieldHeaders({ ...options, fields: ['pod'] })).toEqual({ pod: hostname() })
    expect(fieldHeaders({ ...options, fields: [] })).toEqual({})
  })

  test('are headers of each message, also of a dead letter', async () => {
    const world = await openWorld({ fields: { host: 'here', stream: 'stdin' } })
    await world.shipper.start()
    world.input.end(Buffer.from([0x61, 0x0a, 0xff]))
    await world.shipper.ended
    await expect.poll(() => world.letters).toHaveLength(1)
    for (const { headers } of [...world.messages, ...world.letters]) {
      expect(headers).toMatchObject({ host: 'here', stream: 'stdin' })
    }
    expect(world.messages).toHaveLength(1)
  })
})

describe('--multiline', () => {
  test('makes one message of the lines of an event, which waits for more for a bounded time', async () => {
    const world = await openWorld({ config: { multiline: '^\\S', multilineWaitMs: 500, batchPeriodMs: 0 } })
    await world.shipper.start()
    world.input.write('one\n at a\n at b\ntwo\n at')
    await world.clock.advance(1)
    await expect.poll(world.texts).toEqual(['one\n at a\n at b'])
    await world.clock.advance(500)
    await expect.poll(() => world.row().received).toBe(2)
    world.input.end(' c\n')
    await world.shipper.ended
    await expect.poll(world.texts).toEqual(['one\n at a\n at b', 'two', ' at c'])
    expect(world.imbalance()).toBe(0)
  })

  test('is refused for files', () => {
    expect(settings.safeParse({ multiline: 'a', files: ['a'] }).error?.issues).toMatchObject([{ path: ['multiline'] }])
  })
})
