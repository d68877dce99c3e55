import { describe, expect, test } from 'vitest'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, message, type Message } from '@armature/messaging/message'
import { runCommand } from './command-line.ts'
import { heldIn, poison, withLetters } from './letters.ts'

const ids = (messages: readonly Message[]) => messages.map(({ id }) => id)
const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))

const three = () =>
  withLetters('orders', [poison('orders', 'm1', 'timeout'), poison('orders', 'm2'), poison('orders', 'm3')])

describe('looking', () => {
  test('ls lists the topics of dead letters with how many, oldest and newest', async () => {
    const { driver } = await three()
    await driver.publish('shop_error', [message('shop_error', 'x')])
    await driver.publish('plain', [message('plain', 'x')])
    const { code, stdout } = await runCommand(driver, ['dlq', 'ls'])
    expect(code).toBe(0)
    const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'
    expect(stdout).toMatch(
      new RegExp(
        `^TOPIC +LETTERS +OLDEST +NEWEST\norders\\.DLT +3 +${time} +${time}\nshop_error +1 +${time} +${time}\n$`,
      ),
    )
    expect(lines((await runCommand(driver, ['dlq', 'ls', '--format=json'])).stdout)).toEqual([
      { topic: 'orders.DLT', letters: 3, oldest: expect.any(String), newest: expect.any(String) },
      { topic: 'shop_error', letters: 1, oldest: expect.any(String), newest: expect.any(String) },
    ])
  })

  test('show tells why, where it was, and what it holds', async () => {
    const { driver } = await three()
    const { code, stdout } = await runCommand(driver, ['dlq', 'show', 'orders.DLT', '--id=m1'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^m1\n {2}stored: .*\n {2}from: orders 0\+0\n {2}reason: timeout\n/)
    expect(stdout).toMatch(/error: UnrecoverableError: it said timeout\n {2}handler: store of sinks\n/)
    expect(stdout).toMatch(/tried: 1 attempts, 1 deliveries, 0 redrives\n.*header: own: kept\n.*\nbody of m1\n/s)
    expect(stdout).not.toContain('kafka_dlt-')
  })

  test('show as JSON has a line a letter, with all of it', async () => {
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    const { driver } = await withLetters('orders', [
      poison('orders', 'm1', 'timeout', { key: 'k', headers }),
      { ...poison('orders', 'm2'), body: Buffer.from([0xff, 0xfe]) },
    ])
    const [first, second] = lines((await runCommand(driver, ['dlq', 'show', 'orders.DLT', '--format=json'])).stdout)
    expect(first).toMatchObject({
      id: 'm1',
      topic: 'orders.DLT',
      originalTopic: 'orders',
      position: { partition: 0, offset: 0 },
      key: 'k',
      writer: 'armature',
      reason: 'timeout',
      error: 'UnrecoverableError',
      message: 'it said timeout',
      handler: 'store',
      group: 'sinks',
      attempts: 1,
      deliveries: 1,
      redrives: 0,
      traceparent: headers.traceparent,
      headers: { fail: 'timeout', own: 'kept', ...headers },
      body: 'body of m1',
      encoding: 'text',
      bytes: 10,
      truncated: false,
    })
    expect(second).toMatchObject({ id: 'm2', body: '//4=', encoding: 'base64' })
  })

  test('show is bounded in letters and in bytes of body, and says so', async () => {
    const { driver } = await three()
    const { stdout, stderr } = await runCommand(driver, [
      ...['dlq', 'show', 'orders.DLT', '--max=2', '--max-body-bytes=4', '--format=json'],
    ])
    expect(lines(stdout)).toMatchObject([
      { id: 'm1', body: 'body', truncated: true, bytes: 10 },
      { id: 'm2', truncated: true },
    ])
    expect(stderr).toMatch(/first 2 letters: --max/)
  })

  test('show writes nothing that steers a terminal', async () => {
    const { driver } = await withLetters('orders', [{ ...poison('orders', 'm1'), body: Buffer.from('\u001b[2Jx') }])
    expect((await runCommand(driver, ['dlq', 'show', 'orders.DLT'])).stdout).toContain('\\u001b[2Jx')
  })

  test('stats counts by topic, reason, handler and error', async () => {
    const { driver } = await three()
    const { stdout } = await runCommand(driver, ['dlq', 'stats'])
    expect(stdout).toMatch(
      /^LETTERS .*\n2 +orders\.DLT +failed +store +UnrecoverableError .*\n1 +orders\.DLT +timeout +store +UnrecoverableError .*\n$/,
    )
    const { stdout: json } = await runCommand(driver, [
      ...['dlq', 'stats', 'orders.DLT', '--format=json', '--filter=reason=timeout'],
    ])
    expect(lines(json)).toEqual([expect.objectContaining({ topic: 'orders.DLT', reason: 'timeout', count: 1 })])
  })
})

describe('redrive', () => {
  test('publishes what the filter picks and says how many', async () => {
    const { driver } = await three()
    const { code, stdout } = await runCommand(driver, ['dlq', 'redrive', 'orders.DLT', '--filter=reason=failed'])
    expect([code, stdout]).toEqual([0, 'redriven 2, quarantined 0, left 0\n'])
    expect(ids(await heldIn(driver, 'orders.DLT'))).toEqual(['m1'])
    expect(ids(await heldIn(driver, 'orders')).slice(3)).toEqual(['m2', 'm3'])
  })

  test('a dry run says what would be done', async () => {
    const { driver } = await three()
    const { stdout } = await runCommand(driver, ['dlq', 'redrive', 'orders.DLT', '--dry-run', '--format=json'])
    expect(lines(stdout)).toEqual([{ redriven: 3, quarantined: 0, left: 0, stopped: false, dryRun: true }])
    expect(await heldIn(driver, 'orders.DLT')).toHaveLength(3)
  })

  test('only what was stored since then', async () => {
    const { driver } = await three()
    expect((await runCommand(driver, ['dlq', 'redrive', 'orders.DLT', '--since=2100-01-01'])).stdout).toMatch(
      /^redriven 0/,
    )
    expect((await runCommand(driver, ['dlq', 'redrive', 'orders.DLT', '--since=1h'])).stdout).toMatch(/^redriven 3/)
  })

  test('what stays is told with its reason, and the exit code says so', async () => {
    const { driver } = await three()
    await driver.publish('shop_error', [message('shop_error', 'x', { id: 's1' })])
    const { code, stdout, stderr } = await runCommand(driver, ['dlq', 'redrive', 'shop_error'])
    expect([code, stdout]).toEqual([74, 'redriven 0, quarantined 0, left 1\n'])
    expect(stderr).toMatch(/letter s1 stays: .*--to/)
  })

  test('told to stop, it says how far it got, and ends with 75', async () => {
    const { driver } = await three()
    const stopping = new AbortController()
    const slow = {
      ...driver,
      publish: async (topic: string, messages: readonly Message[]) => {
        stopping.abort()
        await driver.publish(topic, messages)
      },
    }
    const line = ['dlq', 'redrive', 'orders.DLT', '--rate=1/s']
    const { code, stdout } = await runCommand(slow, line, { signal: stopping.signal })
    expect([code, stdout]).toEqual([
      75,
      'redriven 1, quarantined 0, left 0, then stopped: the rest lies where it was\n',
    ])
    expect(ids(await heldIn(driver, 'orders.DLT'))).toEqual(['m2', 'm3'])
  })
})

describe('edit', () => {
  const json = { headers: { 'content-type': 'application/json; charset=utf-8' } }
  const one = async () => {
    const { driver } = await withLetters('orders', [poison('orders', 'm1', 'failed', json), poison('orders', 'm2')])
    return driver
  }

  test('publishes the new body to where the letter comes from, marks it and removes the letter', async () => {
    const driver = await one()
    const line = ['dlq', 'edit', 'orders.DLT', '--id=m1', '--body=-', '--header=own=,x=y']
    const { code, stdout } = await runCommand(driver, line, { input: '{"a":1}' })
    expect([code, stdout]).toEqual([0, 'letter m1 is edited and published to orders\n'])
    const last = (await heldIn(driver, 'orders')).at(-1)
    expect(last === undefined ? '' : bodyText(last)).toBe('{"a":1}')
    expect(last).toMatchObject({
      id: 'm1',
      headers: { x: 'y', 'dlt-redrives': '1', 'dlt-edited-time': expect.any(String) },
    })
    expect(last?.headers).not.toHaveProperty('own')
    expect(ids(await heldIn(driver, 'orders.DLT'))).toEqual(['m2'])
  })

  test.each([
    ['a body that is no JSON though it says so', ['--id=m1', '--body=-'], /no JSON.*content-type/],
    ['no terminal to edit on', ['--id=m1'], /no terminal.*--body/],
    ['a letter that is not there', ['--id=m9', '--body=-'], /no letter "m9" in orders\.DLT/],
    ['a file that is not there', ['--id=m1', '--body=/nowhere/at/all'], /cannot read .*ENOENT/],
    ['a header without a value', ['--id=m1', '--header=x'], /"x" is no header.*NAME=VALUE/],
    ['no id', ['--body=-'], /--id/],
  ])('refuses %s with 64 and changes nothing', async (_, flags, why) => {
    const driver = await one()
    const { code, stderr } = await runCommand(driver, ['dlq', 'edit', 'orders.DLT', ...flags], { input: '{"a":' })
    expect(code).toBe(64)
    expect(stderr).toMatch(why)
    expect(ids(await heldIn(driver, 'orders.DLT'))).toEqual(['m1', 'm2'])
    expect(await heldIn(driver, 'orders')).toHaveLength(2)
  })
})

describe('drop', () => {
  test.each([
    [['--id=m2', '--yes'], ['m1', 'm3'], 'dropped 1\n'],
    [['--filter=reason=failed', '--yes'], ['m1'], 'dropped 2\n'],
    [['--filter=reason=nothing', '--yes'], ['m1', 'm2', 'm3'], 'dropped 0\n'],
  ])('%j', async (flags, left, told) => {
    const { driver } = await three()
    const { code, stdout } = await runCommand(driver, ['dlq', 'drop', 'orders.DLT', ...flags])
    expect([code, stdout]).toEqual([0, told])
    expect(ids(await heldIn(driver, 'orders.DLT'))).toEqual(left)
  })

  test.each([
    ['y\n', 'dropped 2\n'],
    ['n\n', 'dropped 0\n'],
    ['\n', 'dropped 0\n'],
    ['yes\n', 'dropped 2\n'],
  ])('asks on a terminal: %j', async (input, told) => {
    const { driver } = await three()
    const line = ['dlq', 'drop', 'orders.DLT', '--filter=reason=failed']
    const { stdout, stderr } = await runCommand(driver, line, { input, terminal: true })
    expect(stderr).toMatch(/Drop 2 letters of orders\.DLT for good\? \[y\/N\]/)
    expect(stdout).toBe(told)
  })

  test.each([
    [['--id=m1'], /--yes/],
    [['--yes'], /--id.*--filter/],
    [['--id=m9', '--yes'], /no letter "m9"/],
  ])('%j is refused with 64', async (flags, why) => {
    const { driver } = await three()
    const { code, stderr } = await runCommand(driver, ['dlq', 'drop', 'orders.DLT', ...flags])
    expect(code).toBe(64)
    expect(stderr).toMatch(why)
    expect(await heldIn(driver, 'orders.DLT')).toHaveLength(3)
  })
})

describe('bad input', () => {
  test.each([
    [['dlq', 'redrive', 'orders.DLT', '--filter=rason=x'], /"rason" is no field.*fields: id, key/s],
    [['dlq', 'redrive', 'orders.DLT', '--rate=fast'], /rate such as 100\/s/],
    [['dlq', 'redrive', 'orders.DLT', '--since=yesterday'], /how long ago/],
    [['dlq', 'redrive', 'orders.DLT', '--to=a b'], /"a b"/],
    [['dlq', 'redrive', 'orders.DLT', '--to=orders.DLT'], /is where the letters are/],
    [['dlq', 'redrive', 'orders.DLT', '--max=0'], /--max/],
    [['dlq', 'redrive'], /TOPIC/],
    [['dlq', 'redrive', 'a..b'], /empty token/],
    [['dlq', 'show', 'orders.*'], /wildcard/],
    [['dlq', 'ls', '--url=memory:'], /memory:.*one process only.*--url/],
    [['dlq', 'ls', 'orders'], /one too many/],
  ])('%j ends with 64 and says why', async (line, why) => {
    const { code, stderr } = await runCommand(memoryBroker().connect(), line)
    expect(code).toBe(64)
    expect(stderr).toMatch(why)
  })

  test('a broker that keeps no messages has no dead letters', async () => {
    const { code, stderr } = await runCommand({ ...memoryBroker().connect(), browser: undefined }, ['dlq', 'ls'])
    expect(code).toBe(64)
    expect(stderr).toMatch(/keeps no messages/)
  })
})
