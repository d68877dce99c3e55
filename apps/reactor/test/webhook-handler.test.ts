import { describe, expect, test, vi } from 'vitest'
import { duplicate } from '@armature/messaging/duplicate'
import { openServer, status } from '@armature/webhook/testing-http-server'
import { reactorMetrics } from '../src/reactor-metrics.ts'
import { openWorld } from './world.ts'

const tenSeconds = { timeout: 10_000 }

/** The server of a test is on this machine. */
const webhookTo = (webhookUrl: string) => ({ webhookUrl, webhookAllowNetworks: ['127.0.0.1'] })

describe('the handler', () => {
  test('posts each alert; one that is refused is dead-lettered and the rest flows', async () => {
    const { seen, url } = await openServer(status(200), status(422), status(200))
    const world = await openWorld({ config: webhookTo(url) })
    await world.service.start()
    for (const name of ['a', 'b', 'c']) {
      await world.publishJson(`alerts.${name}`, { status: 'firing', name })
      await vi.waitFor(async () => {
        await world.clock.advance(0)
        expect(world.row().inFlight).toBe(0)
        expect(world.row().received).toBeGreaterThan(0)
      })
    }
    expect(seen.map(({ body }) => (JSON.parse(body) as { name: string }).name)).toEqual(['a', 'b', 'c'])
    expect(world.reasons()).toEqual(['alerts.b.DLT: webhook-422'])
    expect(world.metrics.value(reactorMetrics.webhook_requests, { outcome: '2xx' })).toBe(2)
    expect(world.service.handled()).toHaveLength(3)
    expect(world.imbalance()).toEqual([0])
  })

  test('bug: an outage of the webhook put every message among the dead letters', async () => {
    const works = { up: false }
    const { url } = await openServer((response, request) => status(works.up ? 200 : 503)(response, request))
    const world = await openWorld({ config: { ...webhookTo(url), webhookAttempts: 1 } })
    await world.service.start()
    const names = Array.from({ length: 20 }, (_, index) => `a${index}`)
    for (const name of names) await world.publishJson(`alerts.${name}`, { status: 'firing', name })
    await vi.waitFor(async () => {
      await world.clock.advance(0)
      expect(world.metrics.value(reactorMetrics.webhook_down)).toBe(1)
    }, tenSeconds)
    await world.clock.advance(60_000)
    expect(world.reasons()).toHaveLength(4)
    works.up = true
    await vi.waitFor(async () => {
      await world.clock.advance(1_000)
      expect(world.metrics.value(reactorMetrics.webhook_requests, { outcome: '2xx' })).toBe(16)
    }, tenSeconds)
    await world.clock.advance(0)
    expect(world.reasons()).toHaveLength(4)
    expect(world.row().inFlight).toBe(0)
    expect(world.metrics.value(reactorMetrics.webhook_down)).toBe(0)
    expect(world.imbalance()).toEqual([0])
  })

  test('posts no message again that the broker delivers again', async () => {
    const { seen, url } = await openServer()
    const twice = duplicate({ rate: 1 })
    const world = await openWorld({
      config: webhookTo(url),
      through: (driver) => ({
        ...driver,
        subscribe: (topic, handle, options) => driver.subscribe(topic, twice(handle), options),
      }),
    })
    await world.service.start()
    await world.publishJson('alerts.a', { status: 'firing', name: 'a' })
    await world.publishJson('alerts.b', { status: 'firing', name: 'b' })
    await vi.waitFor(async () => {
      await world.clock.advance(0)
      expect(world.row()).toMatchObject({ received: 8, acked: 8, inFlight: 0 })
      expect(seen).toHaveLength(2)
    }, tenSeconds)
    expect(seen.map(({ body }) => (JSON.parse(body) as { name: string }).name).toSorted()).toEqual(['a', 'b'])
  })

  test('posts no more a second than it may', async () => {
    const { seen, url } = await openServer()
    const world = await openWorld({ config: { ...webhookTo(url), webhookMaxPerSecond: 2 } })
    await world.service.start()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await world.publishJson(`alerts.${name}`, { status: 'firing', name })
    const posted = (many: number) =>
      vi.waitFor(async () => {
        await world.clock.advance(0)
        expect(seen).toHaveLength(many)
      }, tenSeconds)
    await posted(2)
    for (const many of [3, 4, 5]) {
      await world.clock.advance(499)
      expect(seen).toHaveLength(many - 1)
      await world.clock.advance(1)
      await posted(many)
    }
    expect(world.reasons()).toEqual([])
  })

  test('is not there without a URL', async () => {
    const world = await openWorld()
    expect(world.service.waitsFor).not.toContain('webhook')
    await world.service.start()
    await world.publishJson('alerts.a', { status: 'firing', name: 'a' })
    await world.clock.advance(10)
    expect(world.row()).toMatchObject({ received: 1, acked: 1 })
  })
})
