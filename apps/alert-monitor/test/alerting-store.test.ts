import { drivenClock } from '@armature/async/clock'
import { expect, describe, test } from 'vitest'
import { type AlertingWorld, noticeOf, openAlertingWorld, silenceOf } from './alerting-world.ts'
import { memoryBucket } from './memory-key-value.ts'

const route = (fields = '') => `
route: { receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h${fields} }
receivers: [{ name: ops }, { name: db }]
`
const minute = 60

describe('the store', () => {
  test('a restart resolves what ended meanwhile, and not what fires on', async () => {
    const before = await openAlertingWorld({ config: route() })
    const a = await before.raise('cpu', { host: 'a' })
    await before.raise('cpu', { host: 'b' })
    await before.pass(minute)
    await before.manager.close()
    const { clock, bucket } = before
    const after = await openAlertingWorld({ config: route(), clock, bucket, owner: 'two' })
    after.firing.add(a)
    await after.pass(11 * minute)
    expect(after.topics()).toEqual(['cpu resolved'])
    expect(after.told()).toEqual(['ops: cpu(a) firing, cpu(b) resolved'])
  })

  test('an alert that was kept and not told is told by the next process', async () => {
    const before = await openAlertingWorld({ publish: () => true })
    await before.raise('cpu', { host: 'a' })
    await before.manager.close()
    const { clock, bucket } = before
    const after = await openAlertingWorld({ clock, bucket, owner: 'two' })
    await after.pass(6)
    expect(after.topics()).toEqual(['cpu firing'])
    expect(after.ids).toEqual(before.ids)
  })

  test('of two instances one tells the topic and the receiver', async () => {
    const bucket = memoryBucket()
    const one = await openAlertingWorld({ config: route(), bucket, owner: 'one' })
    const two = await openAlertingWorld({ config: route(), bucket, owner: 'two', clock: one.clock })
    const notice = await one.raise('cpu', { host: 'a' })
    two.firing.add(notice)
    two.manager.offer(notice, {})
    for (let second = 0; second < 400; second += 1) {
      await one.clock.advance(1_000)
      for (const { manager, firing } of [one, two]) manager.tick([...firing], [])
      await one.clock.advance(0)
    }
    expect([...one.told(), ...two.told()]).toEqual(['ops: cpu(a) firing'])
    expect([...one.topics(), ...two.topics()]).toEqual(['cpu firing'])
  })

  test('of two instances that are due at once the second waits for the first, however slow its receiver', async () => {
    const bucket = memoryBucket()
    const clock = drivenClock(Date.UTC(2026, 0, 5, 12))
    const notify = () => new Promise<void>((resolve) => void clock.after(20_000, resolve))
    const one = await openAlertingWorld({ config: route(), bucket, owner: 'one', clock, notify })
    const two = await openAlertingWorld({ config: route(), bucket, owner: 'two', clock, notify })
    await one.raise('cpu', { host: 'a' })
    await one.pass(10 * minute)
    expect([...one.told(), ...two.told()]).toEqual(['ops: cpu(a) firing'])
  })

  test('an instance that ends while it tells a receiver is replaced by the other', async () => {
    const bucket = memoryBucket()
    const clock = drivenClock(Date.UTC(2026, 0, 5, 12))
    const one = await openAlertingWorld({ config: route(), bucket, clock, notify: () => new Promise(() => undefined) })
    const two = await openAlertingWorld({ config: route(), bucket, owner: 'two' })
    await one.raise('cpu', { host: 'a' })
    // From here on the clock of the first stands still, as that of a killed process does.
    await one.clock.advance(30_000)
    await two.pass(40)
    expect(two.told()).toEqual([])
    await two.pass(3 * minute)
    expect(two.told()).toEqual(['ops: cpu(a) firing'])
  })

  test('a store that is away stops no notice, and has all of it once it is back', async () => {
    const world = await openAlertingWorld({ config: route() })
    world.bucket.state.isDown = true
    await world.raise('cpu', { host: 'a' })
    await silenceOf(world, { name: 'host', value: 'z' }, 3_600_000)
    await world.pass(minute)
    expect(world.topics()).toEqual(['cpu firing'])
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
    expect(world.bucket.keys('')).toEqual([])
    expect(world.manager.owed).toBeGreaterThan(0)
    world.bucket.state.isDown = false
    await world.pass(5)
    expect(world.manager.owed).toBe(0)
    expect(
      world.bucket
        .keys('')
        .map((key) => key.split('.')[0])
        .toSorted(),
    ).toEqual(['alerts', 'log', 'silences'])
    expect(world.warnings).toHaveLength(2)
  })

  test('what cannot be understood in the store is left out, and said', async () => {
    const bucket = memoryBucket()
    bucket.set('alerts.x', '{"alert":1}')
    bucket.set('silences.y', 'no json')
    const matchers = [{ name: 'host', value: '(', isRegex: true, isEqual: true }]
    const rest = { startsAtMs: 1, endsAtMs: 9e12, createdBy: '', comment: '', updatedAtMs: 1 }
    bucket.set('silences.z', JSON.stringify({ id: 'z', matchers, ...rest }))
    const world = await openAlertingWorld({ bucket })
    expect(world.warnings).toHaveLength(3)
    await world.raise('cpu', { host: 'a' })
    expect(world.topics()).toEqual(['cpu firing'])
  })

  test('there are so many alerts at most: a rule is told to come again, resolved ones make room', async () => {
    const world = await openAlertingWorld({ maxAlerts: 2, config: route() })
    const a = await world.raise('cpu', { host: 'a' })
    await world.raise('cpu', { host: 'b' })
    expect(world.manager.offer({ ...a, fingerprint: 'another' }, {})).toBe(false)
    await world.resolve(a)
    expect(world.manager.offer({ ...a, fingerprint: 'another' }, {})).toBe(true)
  })

  test('bug: an alert that made room was not told when it fired again', async () => {
    const world = await openAlertingWorld({ maxAlerts: 2, config: route() })
    const a = await world.raise('a')
    const b = await world.raise('b')
    await world.pass(minute)
    await world.resolve(a)
    await world.raise('c')
    await world.pass(10 * minute)
    await world.resolve(b)
    await world.pass(10 * minute)
    world.told()
    await world.raise('a')
    await world.pass(10 * minute)
    expect(world.told()).toEqual(['ops: a() firing'])
  })

  const posted = (world: AlertingWorld, names: readonly string[], forMs = 3_600_000) =>
    world.manager.post(
      names.map((alertname) => ({
        ...{ labels: { alertname }, annotations: {}, generatorUrl: '' },
        ...{ startsAtMs: world.clock.now(), endsAtMs: world.clock.now() + forMs },
      })),
    )
  const held = ({ manager }: AlertingWorld) => manager.alerts().map(({ labels }) => labels['alertname'])

  test('bug: one alert that was over made room for all of a post', async () => {
    const world = await openAlertingWorld({ maxAlerts: 3, config: route() })
    await posted(world, ['a', 'b', 'c'])
    await world.pass(1)
    await posted(world, ['a'], 0)
    await world.pass(1)
    await expect(posted(world, ['d', 'e', 'f'])).rejects.toThrow(/3 alerts, the most there can be: 1 of these/)
    expect(held(world)).toEqual(['b', 'c', 'd'])
  })

  test('bug: an alert that fired again was evicted for another, though its post was answered', async () => {
    const world = await openAlertingWorld({ maxAlerts: 2, config: route() })
    await posted(world, ['a', 'b'])
    await world.pass(1)
    await posted(world, ['a'], 0)
    await world.pass(1)
    const again = posted(world, ['a'])
    await expect(posted(world, ['c'])).rejects.toThrow(/2 alerts/)
    await again
    expect(held(world)).toEqual(['a', 'b'])
  })

  test('bug: an alert that is evicted and fires again meanwhile took a place that was given away', async () => {
    const world = await openAlertingWorld({ maxAlerts: 2, config: route() })
    await posted(world, ['a', 'b'])
    await world.pass(1)
    await posted(world, ['a'], 0)
    await world.pass(1)
    const other = posted(world, ['c'])
    await expect(posted(world, ['a'])).rejects.toThrow(/2 alerts/)
    await other
    expect(held(world)).toEqual(['b', 'c'])
  })

  test('bug: a restart ended an alert whose rule waits for its `for`', async () => {
    const before = await openAlertingWorld({ config: route() })
    const a = await before.raise('cpu', { host: 'a' })
    await before.pass(minute)
    await before.manager.close()
    const { clock, bucket } = before
    const after = await openAlertingWorld({ config: route(), clock, bucket, owner: 'two' })
    after.pending.add({ ...a, startsAt: new Date(clock.now()).toISOString() })
    after.pending.add(noticeOf('disk', { host: 'b' }, clock.now()))
    await after.pass(10 * minute)
    expect(after.topics()).toEqual([])
    expect(after.manager.alerts()).toHaveLength(1)
    after.pending.clear()
    await after.pass(6 * minute)
    expect(after.topics()).toEqual(['cpu resolved'])
  })
})
