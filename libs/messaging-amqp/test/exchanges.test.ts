import { uniqueName } from '@armature/servers/fixture'
import { describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { message } from '@armature/messaging/message'
import { keptDrivers, sharedRabbitmq, withOptions } from './fixture.ts'

const shared = sharedRabbitmq()
const keep = keptDrivers()

const connect = async (options: Readonly<Record<string, string>>) => {
  return keep(await openAmqp(withOptions(shared.url, options), { warn: () => undefined }))
}

const bodies = ({ deliveries }: ReturnType<typeof recorder>) =>
  deliveries.map(({ body }) => Buffer.from(body).toString())

/** The ids that each subscriber got once the last message is there. Queues keep their order, so nothing comes after it. */
const settled = async (...seen: ReturnType<typeof recorder>[]) => {
  for (const each of seen) await vi.waitFor(() => expect(bodies(each)).toContain('last'), { timeout: 5_000 })
  return seen.map((each) => bodies(each).filter((body) => body !== 'last'))
}

/** Names of this run, since the server is shared. */
const [direct, topics, fanout, otherFanout, headersExchange, taken, kept, otherKept] = Array.from({ length: 8 }, () =>
  uniqueName('exchange'),
) as [string, string, string, string, string, string, string, string]

describe('exchange types', () => {
  test('direct: a message goes to who subscribed to its very topic', async () => {
    const driver = await connect({ exchange: direct, type: 'direct' })
    const [one, same, other] = [recorder(), recorder(), recorder()]
    await driver.subscribe('orders.eu', one.handle)
    await driver.subscribe('orders.eu', same.handle, { group: 'g' })
    await driver.subscribe('orders', other.handle)
    await driver.publish('orders.eu', [message('orders.eu', 'eu')])
    for (const topic of ['orders.eu', 'orders']) await driver.publish(topic, [message(topic, 'last')])
    expect(await settled(one, same, other)).toEqual([['eu'], ['eu'], []])
    await expect(driver.publish('orders.eu.x', [message('orders.eu.x', 'x')])).rejects.toMatchObject({
      fault: 'unroutable',
      retryable: true,
      message: expect.stringMatching(/no queue takes .* direct exchange exchange-\w+ for "orders\.eu\.x"/) as string,
    })
    await expect(driver.subscribe('orders.*', one.handle)).rejects.toThrow('wildcard')
  })

  test('topic: a message goes to who subscribed to a pattern of its topic', async () => {
    const driver = await connect({ exchange: topics, type: 'topic' })
    const [star, rest, exact] = [recorder(), recorder(), recorder()]
    await driver.subscribe('orders.*', star.handle)
    await driver.subscribe('orders.>', rest.handle)
    await driver.subscribe('orders.eu.north', exact.handle)
    await driver.publish('orders.eu', [message('orders.eu', 'eu')])
    await driver.publish('orders.eu.north', [message('orders.eu.north', 'north')])
    await expect(driver.publish('orders', [message('orders', 'none')])).rejects.toMatchObject({ fault: 'unroutable' })
    for (const topic of ['orders.eu', 'orders.eu.north']) await driver.publish(topic, [message(topic, 'last')])
    expect(await settled(star, rest, exact)).toEqual([['eu'], ['eu', 'north'], ['north']])
  })

  test('fanout: a message goes to everybody, whatever its topic', async () => {
    const driver = await connect({ exchange: fanout, type: 'fanout' })
    const elsewhere = await connect({ exchange: otherFanout, type: 'fanout' })
    await expect(driver.publish('a', [message('a', 'x')])).rejects.toMatchObject({ fault: 'unroutable' })
    const [one, two, other] = [recorder(), recorder(), recorder()]
    await driver.subscribe('orders', one.handle)
    await driver.subscribe('anything', two.handle, { group: 'g' })
    await elsewhere.subscribe('orders', other.handle)
    await driver.publish('some.topic', [message('some.topic', 'for all')])
    await driver.publish('orders', [message('orders', 'last')])
    await elsewhere.publish('orders', [message('orders', 'last')])
    expect(await settled(one, two, other)).toEqual([['for all'], ['for all'], []])
    expect(one.deliveries[0]).toMatchObject({ topic: 'some.topic' })
  })

  test('headers: a message goes to whose binding its headers match, all of them or any', async () => {
    const headersDriver = (bind: object) =>
      connect({ exchange: headersExchange, type: 'headers', bind: JSON.stringify(bind) })
    const wanted = { format: 'pdf', type: 'report' }
    const [all, any] = [
      await headersDriver({ 'x-match': 'all', ...wanted }),
      await headersDriver({ 'x-match': 'any', ...wanted }),
    ]
    const [both, either] = [recorder(), recorder()]
    // One group: different bindings are different queues.
    await all.subscribe('documents', both.handle, { group: 'g' })
    await any.subscribe('documents', either.handle, { group: 'g' })
    const publish = (body: string, headers: Record<string, string>) =>
      all.publish('documents', [message('documents', body, { headers })])
    await publish('both', wanted)
    await publish('one', { format: 'pdf', type: 'log' })
    await publish('other', { format: 'zip', type: 'report' })
    const neither = publish('neither', { format: 'zip', 'x-other': 'pdf' })
    await expect(neither).rejects.toMatchObject({ fault: 'unroutable' })
    await publish('last', wanted)
    expect(await settled(both, either)).toEqual([['both'], ['both', 'one', 'other']])
    expect(both.deliveries[0]?.headers).toEqual({ ...wanted, source: '/armature' })
  })

  test('an exchange of other settings is used as it is; one of another type is refused by name', async () => {
    await connect({ exchange: taken, type: 'fanout' })
    await expect(connect({ exchange: taken, type: 'topic' })).rejects.toThrow(
      /exchange exchange-\w+ .*inequivalent arg 'type'/,
    )
    const driver = await connect({ exchange: 'amq.fanout', type: 'fanout' })
    const seen = recorder()
    await driver.subscribe('a', seen.handle)
    await driver.publish('a', [message('a', 'last')])
    expect(await settled(seen)).toEqual([[]])
  })

  test('dead letters are kept where nobody reads them', async () => {
    const topic = `${uniqueName('kept')}.DLT`
    for (const options of [{}, { exchange: kept, type: 'fanout' }, { exchange: otherKept, type: 'direct' }]) {
      const other = await connect(options)
      await other.publish(topic, [message(topic, 'x', { id: 'letter' })])
      const held: string[] = []
      for await (const each of other.browser?.browse(topic, { max: 10 }) ?? []) held.push(`${each.topic} ${each.id}`)
      expect(held).toEqual([`${topic} letter`])
      expect(await other.browser?.topics()).toContain(topic)
    }
  })

  test('the queue of a dead-letter topic that somebody removed is made again', async () => {
    const driver = await connect({})
    const topic = `${uniqueName('gone')}.DLT`
    await driver.publish(topic, [message(topic, 'one')])
    await shared.outside.queueDelete({ queue: `armature:${topic}` })
    await driver.publish(topic, [message(topic, 'two', { id: 'second' })])
    const held: string[] = []
    for await (const { id } of driver.browser?.browse(topic, { max: 10 }) ?? []) held.push(id)
    expect(held).toEqual(['second'])
  })

  test('a token # is no wildcard', async () => {
    const driver = await connect({ exchange: uniqueName('exchange') })
    const [hash, escaped] = [recorder(), recorder()]
    await driver.subscribe('a.#', hash.handle)
    await driver.subscribe('a.%23', escaped.handle)
    await expect(driver.publish('a.b', [message('a.b', 'b')])).rejects.toMatchObject({ fault: 'unroutable' })
    await driver.publish('a.#', [message('a.#', 'hash')])
    await driver.publish('a.%23', [message('a.%23', 'escaped')])
    for (const topic of ['a.#', 'a.%23']) await driver.publish(topic, [message(topic, 'last')])
    expect(await settled(hash, escaped)).toEqual([['hash'], ['escaped']])
    expect(hash.deliveries[0]?.topic).toBe('a.#')
  })
})
