import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { jetstreamGuarantees, openJetstream } from '../src/jetstream-driver.ts'
import { cutProxy } from '@armature/servers/cut-proxy'
import { driverUrl, rawClient, rawPublish } from './fixture.ts'

/** The messages that a killed member had come again after this time. */
const ackWait = 'ackWaitMs=1000'

let url: string
let raw: NatsConnection

beforeAll(async () => {
  url = await serverUrl('nats')
  raw = await rawClient(url)
}, serverDeadlineMs)

afterAll(() => raw?.close())

messagingConformance('jetstream', {
  ...jetstreamGuarantees,
  browser: true,
  maxMessageBytes: 1024 * 1024 - 16_384,
  open: () => openJetstream(driverUrl('jetstream', url, ackWait)),
  openKillable: async () => {
    const proxy = await cutProxy(url)
    const driver = await openJetstream(driverUrl('jetstream', proxy.url, ackWait))
    return { driver, kill: () => proxy.cut() }
  },
  openCuttable: async () => {
    const proxy = await cutProxy(url)
    return { driver: await openJetstream(driverUrl('jetstream', proxy.url, ackWait)), cut: () => proxy.breakOff() }
  },
  openRestartable: async () => {
    const own = await startNats()
    return {
      open: ({ publishWaitMs = 30_000 }) =>
        openJetstream(driverUrl('jetstream', own.url, `${ackWait}&publishWaitMs=${publishWaitMs}`)),
      crash: () => own.crash(),
      restart: () => own.restart(),
      stop: () => own.stop(),
    }
  },
  publishRaw: (topic, headers, body) => rawPublish(raw, topic, headers, body),
})
