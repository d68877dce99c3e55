import { startNats } from '@armature/servers/nats'
import type { RunningServer } from '@armature/servers/server'
import { headers as natsHeaders } from '@nats-io/nats-core'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '../src/conformance.ts'
import { jetstreamGuarantees, openJetstream } from '../src/jetstream.ts'
import { cuttable, rawClient } from './nats-fixture.ts'

let server: RunningServer
let raw: NatsConnection

const urlOf = (port: number | string, publishWaitMs = 30_000) =>
  `jetstream://127.0.0.1:${port}?ackWaitMs=1000&publishWaitMs=${publishWaitMs}`

const portOf = (running: RunningServer) => new URL(running.url).port

beforeAll(async () => {
  server = await startNats({ maxPayloadBytes: 100_000 })
  raw = await rawClient(server.url)
}, 120_000)

afterAll(async () => {
  await raw.close()
  await server.stop()
})

messagingConformance('jetstream', {
  ...jetstreamGuarantees,
  browser: true,
  maxMessageBytes: 100_000 - 16_384,
  open: () => openJetstream(urlOf(portOf(server))),
  openKillable: async () => {
    const proxy = await cuttable(server.url)
    const driver = await openJetstream(urlOf(proxy.port))
    return { driver, kill: () => proxy.cut() }
  },
  openRestartable: async () => {
    const own = await startNats()
    return {
      open: ({ publishWaitMs }) => openJetstream(urlOf(portOf(own), publishWaitMs)),
      crash: () => own.crash(),
      restart: () => own.restart(),
      stop: () => own.stop(),
    }
  },
  publishRaw: async (topic, headers, body) => {
    const made = natsHeaders()
    for (const [name, value] of Object.entries(headers)) made.append(name, value)
    raw.publish(topic, body, { headers: made })
    await raw.flush()
  },
})
