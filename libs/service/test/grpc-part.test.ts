import { once } from 'node:events'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { Client, credentials, type ServiceDefinition } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { unary } from '../src/grpc-handler.ts'
import { createGrpcPart } from '../src/grpc-part.ts'

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
const definition: ServiceDefinition = {
  Ask: {
    path: '/shop.v1.Shop/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
}

test('it is registered while it runs, answers calls that are under way in a drain, and keeps books of them', async () => {
  const telemetry = testTelemetry()
  const arrived = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<Buffer>()
  const known = new Set<string>()
  const part = createGrpcPart({
    name: 'shop',
    config: { grpcHost: '127.0.0.1', grpcPort: 0 },
    telemetry,
    services: [
      {
        definition,
        implementation: {
          Ask: unary(telemetry.log, () => {
            arrived.resolve()
            return gate.promise
          }),
        },
      },
    ],
    registrar: {
      register: async ({ service, port }) => {
        known.add(`${service}:${port}`)
        return { deregister: async () => void known.clear() }
      },
    },
  })
  await part.start()
  onTestFinished(() => part.close())
  const address = part.addresses?.()[0]?.address ?? ''
  expect([...known]).toEqual([`shop:${address.split(':')[1]}`])

  const client = new Client(address, credentials.createInsecure())
  onTestFinished(() => client.close())
  const call = client.makeUnaryRequest(
    '/shop.v1.Shop/Ask',
    bytes.serialize,
    bytes.deserialize,
    Buffer.from('?'),
    () => {
      // The status below says how it ended.
    },
  )
  const ended = once(call, 'status')
  await arrived.promise
  await part.deregister?.()
  expect(known.size).toBe(0)
  await part.stopIntake?.()
  gate.resolve(Buffer.from('!'))
  await part.finish?.()
  expect(await ended).toMatchObject([{ code: 0 }])
  expect(part.ledger?.()).toMatchObject([{ stage: 'shop-grpc', received: 1, acked: 1, inFlight: 0 }])
})
