import { status } from '@grpc/grpc-js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { delivery } from '@armature/messaging/testing-delivery'
import { openGrpcServer } from '@armature/service/grpc-server'
import { StatusError } from '@armature/service/grpc-status'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { createGrpcAction, type GrpcOptions } from '../src/grpc-action.ts'
import { boxService } from './grpc-call.ts'

const open = async (put: (body: Buffer) => Promise<void>, options: Partial<GrpcOptions> = {}) => {
  const { metrics } = testTelemetry('test')
  const server = await openGrpcServer({ host: '127.0.0.1', port: 0, services: [boxService(put)], metrics })
  onTestFinished(() => server.close())
  const action = createGrpcAction({ target: server.address, method: '/test.Box/Put', deadlineMs: 10_000, ...options })
  onTestFinished(() => action.close())
  const closing = new AbortController()
  return {
    closing,
    call: (body: string) => action.call({ message: delivery({ body: Buffer.from(body) }), signal: closing.signal }),
  }
}

describe('a call', () => {
  test('carries the body, or what is made of the message', async () => {
    const bodies: string[] = []
    const put = (body: Buffer) => Promise.resolve(void bodies.push(body.toString()))
    await (await open(put)).call('as it is')
    await (await open(put, { request: ({ id }) => Buffer.from(`made of ${id}`) })).call('x')
    expect(bodies).toEqual(['as it is', 'made of m1'])
  })

  test.each([
    [status.UNAVAILABLE, 'Error', undefined],
    [status.INTERNAL, 'Error', undefined],
    [status.INVALID_ARGUMENT, 'UnrecoverableError', 'grpc-invalid-argument'],
    [status.NOT_FOUND, 'UnrecoverableError', 'grpc-not-found'],
  ])('that is answered %d fails as %s', async (code, name, reason) => {
    const { call } = await open(() => Promise.reject(new StatusError(code, 'no')))
    await expect(call('x')).rejects.toMatchObject({ name, ...(reason === undefined ? {} : { reason }) })
  })

  test('of a method that is not there is for good', async () => {
    const { call } = await open(() => Promise.resolve(), { method: '/test.Box/Nothing' })
    await expect(call('x')).rejects.toMatchObject({ reason: 'grpc-unimplemented' })
  })

  test('that is not answered in time fails, and one whose subscription closes is cancelled', async () => {
    const never = () => new Promise<void>(() => undefined)
    await expect((await open(never, { deadlineMs: 50 })).call('x')).rejects.toThrow(/answered DEADLINE_EXCEEDED/)
    const { call, closing } = await open(never)
    const calling = call('x')
    closing.abort()
    await expect(calling).rejects.toThrow(/answered CANCELLED/)
  })
})

test.each(['Put', '/Put', 'test.Box/Put', '/test.Box/Put/x'])('%j is no method', (method) => {
  expect(() => createGrpcAction({ target: '127.0.0.1:1', method, deadlineMs: 1 })).toThrow(/is no method of gRPC/)
})
