import { setImmediate as nextTurn } from 'node:timers'
import { setImmediate } from 'node:timers/promises'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { describe, expect, test } from 'vitest'
import type { Driver } from '@armature/messaging/ports'
import { openListener } from '../src/collect/listener.ts'
import { hot, openWorld, refusing, rulesFile, sendPackets } from './world.ts'

const nothing = () => undefined
const silentListener = {
  host: '127.0.0.1',
  maxPacketBytes: 100,
  onPacket: nothing,
  onOversized: nothing,
  onError: nothing,
}

describe('a broker that does not take notices', () => {
  test('gets them in order once it does, and none twice', async () => {
    const state = { down: true }
    const world = await openWorld({ rules: [hot], through: refusing(state) })
    await world.monitor.start()
    await world.publish('cpu:99|g')
    await world.clock.advance(60_000)
    await world.publish('cpu:1|g')
    await world.clock.advance(60_000)
    expect(world.messages).toEqual([])
    expect(world.row('alerts')).toMatchObject({ received: 2, acked: 0, inFlight: 2 })
    expect(world.metrics.value(commonMetrics.component_errors_total, { error_type: 'publish' })).toBeGreaterThan(2)
    state.down = false
    await world.clock.advance(60_000)
    expect(world.notices().map(({ status }) => status)).toEqual(['firing', 'resolved'])
    expect(world.row('alerts')).toMatchObject({ received: 2, acked: 2, inFlight: 0 })
  })

  test('makes the monitor not ready when no more notices can wait, and no alert is lost', async () => {
    const state = { down: true }
    const through = refusing(state)
    const world = await openWorld({ rules: [{ ...hot, metric: '*' }], through, config: { maxQueuedNotices: 2 } })
    await world.monitor.start()
    await world.publish('a:99|g\nb:99|g')
    expect(world.monitor.notReady?.()).toEqual([])
    await world.clock.advance(2_000)
    await world.publish('c:99|g\nd:99|g')
    await world.clock.advance(2_000)
    expect(world.monitor.notReady?.()).toMatchObject([{ check: 'publish' }])
    state.down = false
    await world.clock.advance(60_000)
    expect(world.monitor.notReady?.()).toEqual([])
    const raised = world.notices().filter(({ status }) => status === 'firing')
    expect(raised.map(({ labels }) => labels['metric']).sort()).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('start and end', () => {
  test('the port is known after start and not before', async () => {
    const world = await openWorld()
    expect(() => world.monitor.statsdPort).toThrow('start')
    await world.monitor.start()
    const { statsdPort, waitsFor } = world.monitor
    expect(statsdPort).toBeGreaterThan(0)
    expect(world.monitor.addresses?.()).toEqual([{ label: 'StatsD', address: `udp 127.0.0.1:${statsdPort}` }])
    expect(waitsFor).toContain(`STATSD_PORT=${statsdPort}`)
    expect(waitsFor).toContain('MESSAGING_URL')
    expect(waitsFor).not.toContain('\n')
  })

  test('the drain takes nothing new, evaluates what was received and publishes what is owed', async () => {
    const gate = Promise.withResolvers<void>()
    const through = (driver: Driver): Driver => ({
      ...driver,
      publish: (topic, messages) => gate.promise.then(() => driver.publish(topic, messages)),
    })
    const world = await openWorld({ through, config: { maxPacketBytes: 65_000 } })
    await world.monitor.start()
    const port = world.monitor.statsdPort
    await sendPackets(port, [`${'search:3|ms\n'.repeat(5_000)}search:5000|ms`])
    while (world.row('alert-monitor')?.received === 0) await setImmediate()
    expect(world.row('alert-monitor')?.inFlight).toBeGreaterThan(0)
    await world.monitor.stopIntake?.()
    await openListener({ ...silentListener, port }).then((listener) => listener.close())
    await world.monitor.finish?.()
    expect(world.row('alert-monitor')).toMatchObject({ received: 5_001, acked: 5_001, inFlight: 0 })
    expect(world.row('alerts')).toMatchObject({ received: 1, acked: 0, inFlight: 1 })
    const flushed = world.monitor.flush?.()
    gate.resolve()
    await flushed
    expect(world.row('alerts')).toMatchObject({ received: 1, acked: 1, inFlight: 0 })
    await world.monitor.close()
    await world.monitor.close()
    await world.clock.advance(0)
    expect(world.notices().map(({ name }) => name)).toEqual(['search-stall'])
    expect(world.clock.pending).toBe(0)
  })

  test('the drain publishes what had found no room, too', async () => {
    const state = { down: true }
    const world = await openWorld({
      rules: [{ ...hot, metric: '*' }],
      through: refusing(state),
      config: { maxQueuedNotices: 1 },
    })
    await world.monitor.start()
    await world.publish('a:99|g\nb:99|g\nc:99|g')
    await world.clock.advance(2_000)
    expect(world.row('alerts')).toMatchObject({ received: 1, inFlight: 1 })
    await world.monitor.stopIntake?.()
    await world.monitor.finish?.()
    state.down = false
    const flushed = world.monitor.flush?.()
    await world.clock.advance(60_000)
    await flushed
    await world.monitor.close()
    await world.clock.advance(0)
    expect(world.notices().map(({ labels }) => labels['metric'])).toEqual(['a', 'b', 'c'])
  })

  test('bug: an alert that resolved while the queue was full and fires again made the drain spin for ever', async () => {
    const state = { down: false }
    let readings = 0
    const world = await openWorld({
      rules: [{ ...hot, metric: '*' }],
      through: refusing(state),
      config: { maxQueuedNotices: 1 },
      // A drain that spins in microtasks could not be timed out: it runs out of readings.
      clock: (driven) => ({
        ...driven,
        now: () => {
          if ((readings += 1) > 100_000) throw new Error('the drain spins')
          return driven.now()
        },
      }),
    })
    await world.monitor.start()
    await world.publish('a:99|g')
    await world.clock.advance(2_000)
    state.down = true
    await world.publish('b:99|g')
    await world.clock.advance(2_000)
    await world.publish('a:1|g')
    await world.clock.advance(2_000)
    await world.publish('a:99|g')
    await world.clock.advance(100)
    await world.monitor.stopIntake?.()
    await world.monitor.finish?.()
    state.down = false
    const flushed = world.monitor.flush?.()
    await world.clock.advance(60_000)
    await flushed
    expect(world.notices().map(({ status, labels }) => `${labels['metric']} ${status}`)).toEqual([
      'a firing',
      'b firing',
    ])
    await world.monitor.close()
  })

  test('the drain lets others have their turn, also over a broker that answers at once', async () => {
    const state = { down: true }
    const through = (driver: Driver): Driver => ({
      ...refusing(state)(driver),
      publish: (topic, messages) => (state.down ? refusing(state)(driver).publish(topic, messages) : Promise.resolve()),
    })
    const rules = [{ ...hot, metric: '*' }]
    const world = await openWorld({ rules, through, config: { maxQueuedNotices: 1 } })
    await world.monitor.start()
    const names = Array.from({ length: 20 }, (_, number) => `cpu${number}`)
    await world.publish(names.map((each) => `${each}:99|g`).join('\n'))
    await world.clock.advance(2_000)
    await world.monitor.stopIntake?.()
    state.down = false
    await world.clock.advance(60_000)
    let turns = 0
    const onTurn = () => {
      turns += 1
      pending = nextTurn(onTurn)
    }
    let pending = nextTurn(onTurn)
    await world.monitor.flush?.()
    clearImmediate(pending)
    expect(world.row('alerts')).toMatchObject({ acked: names.length, inFlight: 0 })
    expect(turns).toBeGreaterThanOrEqual(names.length - 2)
  })

  test('a port that is taken', async () => {
    const first = await openWorld()
    await first.monitor.start()
    const second = await openWorld({ config: { statsdListenPort: first.monitor.statsdPort } })
    await expect(second.monitor.start()).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'bind' })
    await second.monitor.close()
  })

  test.each([
    [
      'two faults',
      [
        { ...hot, op: '==' },
        { ...hot, name: 'a b' },
      ],
      /rules\[0\]\.op.*rules\[1\]\.name/s,
    ],
    ['no rule at all', ['x'], /rules\[0\]/],
  ])('a rules file with %s', async (_, rules, problem) => {
    const world = await openWorld({ rules })
    await expect(world.monitor.start()).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(problem) as string,
      fix: expect.stringContaining('--rules') as string,
    })
    await world.monitor.close()
  })

  test('a rules file that is not there', async () => {
    const world = await openWorld({ config: { rulesFile: `${await rulesFile([])}.missing` } })
    await expect(world.monitor.start()).rejects.toMatchObject({ exitCode: 78 })
  })

  test('a broker that cannot be had', async () => {
    const world = await openWorld({
      through: () => {
        throw new Error('refused')
      },
    })
    await expect(world.monitor.start()).rejects.toThrow('refused')
    await world.monitor.close()
  })
})
