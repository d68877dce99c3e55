import { expect, describe, test } from 'vitest'
import { openAlertingWorld, silenceOf } from './alerting-world.ts'

const route = (fields = '') => `
route: { receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h${fields} }
receivers: [{ name: ops }, { name: db }]
`
const minute = 60

describe('silences', () => {
  test('a silence keeps an alert quiet until it expires; the topic is told so', async () => {
    const world = await openAlertingWorld({ config: route() })
    const id = await silenceOf(world, { name: 'host', value: 'a' }, 1_800_000)
    await world.raise('cpu', { host: 'a' })
    await world.raise('cpu', { host: 'b' })
    await world.pass(minute)
    expect(world.told()).toEqual(['ops: cpu(b) firing'])
    expect(world.topics()).toEqual(['cpu firing quiet', 'cpu firing'])
    await world.manager.silences.expire(id)
    await world.pass(5 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing, cpu(b) firing'])
    expect(world.topics()).toEqual(['cpu firing'])
  })

  test('the end of what a receiver heard of is told through a silence', async () => {
    const world = await openAlertingWorld({ config: route() })
    const a = await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    await silenceOf(world, { name: 'host', value: '[ab]', isRegex: true }, 3_600_000)
    await world.resolve(a)
    await world.pass(6 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing', 'ops: cpu(a) resolved'])
  })

  test.each([
    ['that covers all', { name: 'host', value: '.*', isRegex: true }, 60_000, /cover every alert/],
    ['that ends before it starts', { name: 'host', value: 'a' }, -1, /ends in the past|ends before/],
    ['with an expression that is none', { name: 'host', value: '(', isRegex: true }, 60_000, /expression/],
    ['with a huge expression', { name: 'host', value: 'a'.repeat(600), isRegex: true }, 60_000, /512/],
  ])('one %s is refused', async (_what, matcher, forMs, problem) => {
    const world = await openAlertingWorld()
    await expect(silenceOf(world, matcher, forMs)).rejects.toThrow(problem)
    expect(world.manager.silences.all()).toEqual([])
  })

  test('there are so many at most, and expired ones make room', async () => {
    const world = await openAlertingWorld()
    for (let count = 0; count < 10; count += 1) await silenceOf(world, { name: 'host', value: `${count}` }, 60_000)
    await expect(silenceOf(world, { name: 'host', value: 'more' }, 60_000)).rejects.toThrow('there are 10 silences')
    await world.pass(minute)
    await silenceOf(world, { name: 'host', value: 'more' }, 60_000)
    await world.clock.advance(0)
    expect(world.manager.silences.all()).toHaveLength(10)
  })

  test('the end of one that has begun can be moved; its matchers cannot', async () => {
    const world = await openAlertingWorld()
    const id = await silenceOf(world, { name: 'host', value: 'a' }, 60_000)
    const { matchers, startsAtMs, createdBy, comment } = world.manager.silences.get(id)!
    const parts = { matchers, startsAtMs, createdBy, comment }
    const later = world.clock.now() + 120_000
    expect(await world.manager.silences.set({ ...parts, endsAtMs: later }, id)).toBe(id)
    const other = [{ name: 'host', value: 'b', isRegex: false, isEqual: true }]
    const next = await world.manager.silences.set({ ...parts, matchers: other, endsAtMs: later }, id)
    expect(next).not.toBe(id)
    expect(world.manager.silences.covering({ host: 'a' }, world.clock.now())).toEqual([])
    expect(world.manager.silences.covering({ host: 'b' }, world.clock.now())).toEqual([next])
  })
})

describe('mute times, flaps and claims', () => {
  test('a branch is quiet in its mute times', async () => {
    const config = `${route(', mute_time_intervals: [noon]')}
time_intervals: [{ name: noon, time_intervals: [{ times: [{ start_time: '12:00', end_time: '12:10' }] }] }]
`
    const world = await openAlertingWorld({ config })
    await world.raise('cpu', { host: 'a' })
    await world.pass(9 * minute)
    expect(world.told()).toEqual([])
    await world.pass(3 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
  })

  test('an alert that comes and goes has a score that grows, and falls when it is calm', async () => {
    const world = await openAlertingWorld()
    const scores: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const a = await world.raise('cpu', { host: 'a' })
      scores.push(world.manager.flapScoreOf(a.fingerprint))
      await world.pass(10)
      await world.resolve(a)
      await world.pass(10)
    }
    expect(scores[0]).toBe(0)
    expect(scores).toEqual(scores.toSorted((one, other) => one - other))
    expect(scores.at(-1)).toBeGreaterThan(0.4)
    expect(world.notices.at(-1)?.flapScore).toBeGreaterThan(0.4)
    await world.clock.advance(7_200_000)
    expect(world.manager.flapScoreOf('cpu-a')).toBe(0)
  })

  test('a claimed alert is not repeated, its end is told, and an expired claim counts no more', async () => {
    const world = await openAlertingWorld({ config: route(), repeatMs: 600_000 })
    const a = await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    world.told()
    world.topics()
    const { fingerprint } = a
    const claimedAtMs = world.clock.now()
    await world.manager.claims.set({
      fingerprint,
      owner: 'ann',
      note: '',
      claimedAtMs,
      expiresAtMs: claimedAtMs + 7_200_000,
    })
    await world.pass(100 * minute)
    expect(world.told()).toEqual([])
    expect(world.topics()).toEqual([])
    await world.pass(30 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
    expect(world.topics()).toContain('cpu firing')
    await world.resolve(a)
    expect(world.topics()).toContain('cpu resolved')
  })
})
