import { getEventListeners } from 'node:events'
import { type DrivenClock, drivenClock } from '@armature/async/clock'
import { expect, describe, test } from 'vitest'
import type { Notice } from '../src/events.ts'
import { openAlertingWorld, silenceOf } from './alerting-world.ts'

const route = (fields = '') => `
route: { receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h${fields} }
receivers: [{ name: ops }, { name: db }]
`
const minute = 60

describe('grouping', () => {
  test('alerts of one name are told together after the wait, and later ones with the next interval', async () => {
    const world = await openAlertingWorld({ config: route() })
    await world.raise('cpu', { host: 'a' })
    await world.pass(10)
    await world.raise('cpu', { host: 'b' })
    await world.raise('disk', { host: 'a' })
    await world.pass(19)
    expect(world.told()).toEqual([])
    await world.pass(12)
    expect(world.told()).toEqual(['ops: cpu(a) firing, cpu(b) firing', 'ops: disk(a) firing'])
    await world.raise('cpu', { host: 'c' })
    await world.pass(4 * minute)
    expect(world.told()).toEqual([])
    await world.pass(minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing, cpu(b) firing, cpu(c) firing'])
  })

  test('the topic is told of each alert at once, whatever the groups do', async () => {
    const world = await openAlertingWorld({ config: route() })
    const a = await world.raise('cpu', { host: 'a' })
    await world.resolve(a)
    expect(world.topics()).toEqual(['cpu firing', 'cpu resolved'])
  })

  test('branches: the first that fits, and those after one that continues', async () => {
    const config = route(`, routes: [
      { matchers: ['team="db"'], receiver: db, group_wait: 0s, continue: true },
      { matchers: ['team=~"d.*"'], group_wait: 0s },
      { matchers: ['team=~".*"'], receiver: db } ]`)
    const world = await openAlertingWorld({ config })
    await world.raise('cpu', { host: 'a', team: 'db' })
    await world.pass(1)
    expect(world.told().toSorted()).toEqual(['db: cpu(a) firing', 'ops: cpu(a) firing'])
    expect(world.manager.dispatcher.receiversOf({ team: 'x' })).toEqual(['db'])
    expect(world.manager.dispatcher.receiversOf({ team: 'dx' })).toEqual(['ops'])
  })

  test('bug: of two branches with the same matchers the second told nobody', async () => {
    const config = route(`, routes: [
      { matchers: ['team="db"'], receiver: ops, continue: true },
      { matchers: ['team="db"'], receiver: db } ]`)
    const world = await openAlertingWorld({ config })
    await world.raise('cpu', { host: 'a', team: 'db' })
    await world.pass(minute)
    expect(world.told().toSorted()).toEqual(['db: cpu(a) firing', 'ops: cpu(a) firing'])
  })
})

describe('repeats and ends', () => {
  test('bug: a claim or a silence longer than twice repeat_interval made the log forget what a receiver knows', async () => {
    const world = await openAlertingWorld({ config: route() })
    const a = await world.raise('cpu', { host: 'a' })
    const b = await world.raise('disk', { host: 'b' })
    await world.pass(minute)
    const [nowMs, forMs] = [world.clock.now(), 8 * 3_600_000]
    await world.manager.claims.set({
      ...{ fingerprint: a.fingerprint, owner: 'ann', note: '' },
      ...{ claimedAtMs: nowMs, expiresAtMs: nowMs + forMs },
    })
    await silenceOf(world, { name: 'host', value: 'b' }, forMs)
    world.told()
    await world.pass(150 * minute)
    expect(world.told()).toEqual([])
    await world.resolve(b)
    await world.pass(6 * minute)
    expect(world.told()).toEqual(['ops: disk(b) resolved'])
  })

  test('bug: listeners of a notification outlived it', async () => {
    const signals: AbortSignal[] = []
    const notify = (_: unknown, signal: AbortSignal) => {
      signals.push(signal)
      return Promise.resolve()
    }
    const world = await openAlertingWorld({ config: route(), notify })
    await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0])
  })

  test('bug: a clock that was set forward ended alerts that fire on', async () => {
    const driven = drivenClock(Date.UTC(2026, 0, 5, 12))
    let aheadMs = 0
    const clock: DrivenClock = { ...driven, now: () => driven.now() + aheadMs }
    const world = await openAlertingWorld({ config: route(), clock })
    await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    aheadMs = 600_000
    await world.pass(10 * minute)
    expect(world.topics()).toEqual(['cpu firing'])
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
  })

  test('bug: a severity that a reload changes brought an alert to no new receiver', async () => {
    const world = await openAlertingWorld({
      config: route(`, routes: [{ matchers: [severity="critical"], receiver: db }]`),
    })
    const warning = await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    const critical: Notice = { ...warning, severity: 'critical' }
    world.firing.delete(warning)
    world.firing.add(critical)
    await world.pass(10 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing', 'db: cpu(a) firing', 'ops: cpu(a) resolved'])
    expect(world.manager.flapScoreOf(warning.fingerprint)).toBe(0)
    await world.resolve(critical)
    await world.pass(10 * minute)
    expect(world.told()).toEqual(['db: cpu(a) resolved'])
  })

  test('a group that fires on is told again after repeat_interval, no sooner', async () => {
    const world = await openAlertingWorld({ config: route() })
    await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    expect(world.told()).toHaveLength(1)
    await world.pass(58 * minute)
    expect(world.told()).toEqual([])
    await world.pass(6 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
  })

  test('the end is told once, with the next interval, and then nothing is left', async () => {
    const world = await openAlertingWorld({ config: route() })
    const a = await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    await world.resolve(a)
    await world.pass(6 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing', 'ops: cpu(a) resolved'])
    await world.pass(10 * minute)
    expect(world.told()).toEqual([])
    expect(world.bucket.keys('')).toEqual([])
    expect(world.manager.dispatcher.groups()).toEqual([])
  })

  test('an alert that ended before its receiver heard of it is not told to it', async () => {
    const world = await openAlertingWorld({ config: route() })
    await world.resolve(await world.raise('cpu', { host: 'a' }))
    await world.pass(10 * minute)
    expect(world.told()).toEqual([])
  })

  test('a receiver that takes no ends hears of the next beginning all the same', async () => {
    const world = await openAlertingWorld({ config: route(), sendResolved: false })
    await world.resolve(await world.raise('cpu', { host: 'a' }).finally(() => world.pass(minute)))
    await world.pass(6 * minute)
    await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing', 'ops: cpu(a) firing'])
  })

  test('a receiver that fails is told again', async () => {
    let isDown = true
    const notify = () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve())
    const world = await openAlertingWorld({ config: route(), notify })
    const a = await world.raise('cpu', { host: 'a' })
    await world.pass(minute)
    expect(world.failed).toHaveLength(1)
    isDown = false
    await world.pass(5 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) firing'])
    await world.resolve(a)
    await world.pass(5 * minute)
    expect(world.told()).toEqual(['ops: cpu(a) resolved'])
  })

  test('a receiver that never answers is given up after its limit, and holds up no other', async () => {
    const notify = ({ receiver }: { receiver: string }) =>
      receiver === 'db' ? new Promise<void>(() => undefined) : Promise.resolve()
    const config = route(`, routes: [{ matchers: [team="db"], receiver: db, group_wait: 0s }]`)
    const world = await openAlertingWorld({ config, notify })
    await world.raise('cpu', { host: 'a', team: 'db' })
    await world.raise('cpu', { host: 'b' })
    await world.pass(45)
    expect(world.told()).toEqual(['ops: cpu(b) firing'])
    expect(world.failed).toHaveLength(1)
  })

  test("dead man's switch: who posts no more has its alert resolved after resolve_timeout", async () => {
    const world = await openAlertingWorld({ config: `global: { resolve_timeout: 1m }\n${route()}` })
    const post = () =>
      world.manager.post([
        {
          ...{ labels: { alertname: 'backup-ran' }, annotations: {}, generatorUrl: '' },
          ...{ startsAtMs: world.clock.now(), endsAtMs: world.clock.now() + 60_000 },
        },
      ])
    for (let round = 0; round < 5; round += 1) {
      await post()
      await world.pass(50)
    }
    expect(world.topics()).toEqual(['backup-ran firing'])
    await world.pass(15)
    expect(world.topics()).toEqual(['backup-ran resolved'])
  })
})

const inhibiting = `${route()}
inhibit_rules: [{ source_matchers: [alertname="down"], target_matchers: ['alertname!="down"'], equal: [host] }]
`

describe('inhibition', () => {
  test('a source keeps targets of the same labels quiet, and only while it fires', async () => {
    const world = await openAlertingWorld({ config: inhibiting })
    const down = await world.raise('down', { host: 'a' })
    await world.raise('cpu', { host: 'a' })
    await world.raise('cpu', { host: 'b' })
    await world.pass(minute)
    expect(world.told()).toEqual(['ops: down(a) firing', 'ops: cpu(b) firing'])
    await world.resolve(down)
    await world.pass(6 * minute)
    expect(world.told()).toEqual(expect.arrayContaining(['ops: cpu(a) firing, cpu(b) firing']))
  })

  test('right after a restart too: what the store knows inhibits before it is raised anew', async () => {
    const before = await openAlertingWorld({ config: inhibiting })
    await before.raise('down', { host: 'a' })
    await before.pass(minute)
    await before.manager.close()
    const { clock, bucket } = before
    const after = await openAlertingWorld({ config: inhibiting, clock, bucket, owner: 'two' })
    await after.raise('cpu', { host: 'a' })
    await after.pass(2 * minute)
    expect(after.told()).toEqual([])
    expect(after.topics()).toEqual(['cpu firing quiet'])
  })

  test('two alerts that are source and target do not keep each other quiet', async () => {
    const config = `${route()}
inhibit_rules: [{ source_matchers: [team="x"], target_matchers: [team="x"] }]
`
    const world = await openAlertingWorld({ config })
    await world.raise('cpu', { host: 'a', team: 'x' })
    await world.raise('disk', { host: 'a', team: 'x' })
    await world.pass(minute)
    expect(world.told()).toHaveLength(2)
  })
})
