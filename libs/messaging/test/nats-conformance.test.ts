import { startNats } from '@armature/servers/nats'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '../src/conformance.ts'
import { natsGuarantees, openNats } from '../src/nats.ts'

let server: RunningServer

beforeAll(async () => {
  server = await startNats({ jetstream: false, maxPayloadBytes: 100_000 })
}, 120_000)

afterAll(() => server.stop())

messagingConformance('nats', {
  ...natsGuarantees,
  maxMessageBytes: 100_000 - 16_384,
  open: () => openNats(server.url),
})
