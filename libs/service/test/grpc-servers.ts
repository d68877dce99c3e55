import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, vi } from 'vitest'
import type { FinishedCall } from '../src/grpc-interceptor.ts'
import { type GrpcServer, type GrpcServerOptions, openGrpcServer } from '../src/grpc-server.ts'
import { serviceMetrics } from '../src/service-metrics.ts'
import {
  descriptorSet,
  echoDefinition,
  echoName,
  echoServices,
  healthDefinition,
  openCaller,
  type Text,
} from './echo.ts'

/** The servers and clients that a test file opens. They are closed after each of its tests, the last first. */
export const useServers = () => {
  const opened: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close()
  })

  const open = async (options: Partial<GrpcServerOptions> = {}) => {
    const { metrics } = testTelemetry()
    const finished: FinishedCall[] = []
    const server = await openGrpcServer({
      host: '127.0.0.1',
      port: 0,
      services: echoServices(),
      descriptorSet,
      metrics,
      onFinish: (call) => finished.push(call),
      ...options,
    })
    opened.push(() => server.close())
    const caller = callerOf(server)
    const counted = (code: string, method = `${echoName}/Say`) =>
      metrics.value(serviceMetrics['rpc.server.call.duration'], { 'rpc.method': method, 'rpc.status_code': code })
    return { server, metrics, finished, counted, ...caller }
  }

  const callerOf = (server: GrpcServer) => {
    const caller = openCaller(server.address)
    opened.push(() => caller.close())
    const say = (text: string, options?: Parameters<typeof caller.call>[3]) =>
      caller.call(echoDefinition, 'Say', { text }, options)
    const health = async (service: string) =>
      (await caller.call<{ status: string }>(healthDefinition, 'Check', { service })).status
    return { caller, say, health }
  }

  /** A handler that answers when told, and tells when it was asked. */
  const gated = () => {
    const asked = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<Text>()
    const aborted = vi.fn()
    const services = echoServices((_request, { signal }) => {
      signal.addEventListener('abort', aborted)
      asked.resolve()
      return gate.promise
    })
    return { services, asked: asked.promise, answer: gate.resolve, aborted }
  }
  return { opened, open, callerOf, gated }
}
