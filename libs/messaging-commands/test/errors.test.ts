import { randomUUID } from 'node:crypto'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, message } from '@armature/messaging/message'
import { describe, expect, test } from 'vitest'
import { createErrorGroups, patternOf } from '../src/error-groups.ts'
import { letterOf } from '../src/letter.ts'
import { runCommand } from './command-line.ts'
import { failOn, heldIn, poison, withLetters } from './letters.ts'

test.each([
  ['order 17 of 2.5 kg is not there', 'order <n> of <n> kg is not there'],
  ['no user 6a0e6d4e-9d3c-4a25-8a4f-0e0a1f1f8a11', 'no user <uuid>'],
  ['at 2026-01-02T03:04:05.678Z', 'at <time>'],
  ['commit 4b60929aa01f3 is gone', 'commit <hex> is gone'],
  ['the facade decade', 'the facade decade'],
])('the pattern of %j is %j', (text, pattern) => {
  expect(patternOf(text)).toBe(pattern)
})

describe('errors', () => {
  const start = Date.UTC(2026, 0, 1)
  const world = async () => {
    const clock = drivenClock(start)
    const broker = memoryBroker({ clock, partitions: 1 })
    const driver = broker.connect()
    const fail = (topic: string) => failOn(driver, topic, (one) => Promise.reject(new TypeError(bodyText(one))), clock)
    await fail('orders')
    await fail('refunds')
    const publish = async (topic: string, body: string, id: string) => {
      await driver.publish(topic, [message(topic, body, { id })])
      await clock.advance(60_000)
    }
    await publish('orders', `order 1 of ${randomUUID()} is not there`, 'm1')
    await publish('orders', 'no connection to 10.0.0.1:5432', 'm2')
    await publish('refunds', `order 22 of ${randomUUID()} is not there`, 'm3')
    return driver
  }

  test('groups what failed in the same way, over topics, with first and last seen and the last as a sample', async () => {
    const { code, stdout } = await runCommand(await world(), ['errors', '--format=json'])
    expect(code).toBe(0)
    const groups = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(groups).toEqual([
      {
        fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
        handler: 'store',
        reason: 'failed',
        error: 'TypeError',
        count: 2,
        firstSeen: new Date(start).toISOString(),
        lastSeen: new Date(start + 120_000).toISOString(),
        sample: {
          topic: 'refunds.DLT',
          id: 'm3',
          message: expect.stringContaining('order 22') as string,
          at: expect.stringMatching(/^at .*errors\.test/) as string,
        },
      },
      expect.objectContaining({ count: 1, sample: expect.objectContaining({ id: 'm2' }) as object }),
    ])
  })

  test('are a table for people, and no more than asked for', async () => {
    const driver = await world()
    const { stdout } = await runCommand(driver, ['errors'])
    expect(stdout).toMatch(
      /^FINGERPRINT +LETTERS +FIRST SEEN +LAST SEEN +HANDLER +ERROR +SAMPLE\n[0-9a-f]{12} +2 +2026-/,
    )
    expect(stdout).toMatch(/no connection to 10\.0\.0\.1:5432 \(orders\.DLT m2\)/)
    expect((await runCommand(driver, ['errors', '--max=1'])).stdout.trim().split('\n')).toHaveLength(2)
  })

  test('have the same fingerprint whenever they are asked for', async () => {
    const [first, second] = await Promise.all([world(), world()])
    const fingerprints = async (driver: typeof first) =>
      (await runCommand(driver, ['errors'])).stdout.match(/^[0-9a-f]{12}/gm)
    expect(await fingerprints(first)).toEqual(await fingerprints(second))
    expect(await fingerprints(first)).toHaveLength(2)
  })

  test('are those of one topic and of the letters that are picked', async () => {
    const driver = await world()
    expect((await runCommand(driver, ['errors', 'orders.DLT'])).stdout).toMatch(/^[0-9a-f]{12} +1 /m)
    expect((await runCommand(driver, ['errors', '--filter=error~connection'])).stdout.trim().split('\n')).toHaveLength(
      2,
    )
  })
})

test('beyond a thousand kinds the rest is one group, and nothing is left out', async () => {
  const { driver, letters } = await withLetters('orders', [poison('orders', 'm1')])
  const [stored] = await heldIn(driver, letters)
  if (stored === undefined) throw new Error('no letter')
  const groups = createErrorGroups()
  const letter = letterOf(stored)
  if (letter.envelope === undefined) throw new Error('no envelope')
  const { envelope } = letter
  for (let kind = 0; kind < 1_500; kind += 1) {
    groups.add({ ...letter, envelope: { ...envelope, handler: `h${kind}` } })
  }
  expect(groups.list()).toHaveLength(1_001)
  expect(groups.list()[0]).toMatchObject({ fingerprint: 'others', reason: '(others)', count: 500 })
})
