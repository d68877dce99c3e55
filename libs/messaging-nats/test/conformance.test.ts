import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { natsGuarantees, openNats } from '../src/driver.ts'
import { cutProxy } from '@armature/servers/cut-proxy'
import { driverUrl, rawClient, rawPublish } from './fixture.ts'

let url: string
let raw: NatsConnection

beforeAll(async () => {
  url = await serverUrl('nats')
  raw = await rawClient(url)
}, serverDeadlineMs)

afterAll(() => raw?.close())

messagingConformance('nats', {
  ...natsGuarantees,
  maxMessageBytes: 1024 * 1024 - 16_384,
  open: () => openNats(driverUrl('nats', url)),
  openCuttable: async () => {
    const proxy = await cutProxy(url)
    return { driver: await openNats(driverUrl('nats', proxy.url)), cut: () => proxy.breakOff() }
  },
  openRestartable: async () => {
    const own = await startNats({ jetstream: false })
    return {
      open: ({ publishWaitMs = 30_000 }) => openNats(driverUrl('nats', own.url, `publishWaitMs=${publishWaitMs}`)),
      crash: () => own.crash(),
      restart: () => own.restart(),
      stop: () => own.stop(),
    }
  },
  publishRaw: (topic, headers, body) => rawPublish(raw, topic, headers, body),
})
