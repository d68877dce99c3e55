/** One echo server a process: `grpc-echo.ts armature|grpc-js|nestjs`. Prints its port, serves until it is killed. */
import { fileURLToPath } from 'node:url'
import { openGrpcServer } from '@armature/service/grpc-server'
import { createMetrics } from '@armature/telemetry/metrics'
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceClientConstructor,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const protoPath = fileURLToPath(new URL('echo.proto', import.meta.url))
const definitions = loadSync(protoPath)
const bench = loadPackageDefinition(definitions)['bench'] as unknown as { Echo: ServiceClientConstructor }
const implementation = {
  Echo: (call: ServerUnaryCall<object, object>, reply: sendUnaryData<object>) => reply(null, call.request),
}

const servers: Record<string, () => Promise<number>> = {
  armature: async () => {
    const { port } = await openGrpcServer({
      host: '127.0.0.1',
      port: 0,
      services: [{ definition: bench.Echo.service, implementation }],
      metrics: createMetrics({ service: 'echo' }),
    })
    return port
  },
  'grpc-js': () =>
    new Promise((resolve, reject) => {
      const server = new Server()
      server.addService(bench.Echo.service, implementation)
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      )
    }),
  nestjs: async () => {
    await import('reflect-metadata')
    const { Controller, Module } = await import('@nestjs/common')
    const { NestFactory } = await import('@nestjs/core')
    const { GrpcMethod, Transport } = await import('@nestjs/microservices')
    class EchoController {
      echo(text: object) {
        return text
      }
    }
    class EchoModule {}
    // The decorators of NestJS, applied by hand: type stripping has none.
    const descriptor = Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo')
    if (descriptor !== undefined) GrpcMethod('Echo', 'Echo')(EchoController.prototype, 'echo', descriptor)
    Controller()(EchoController)
    Module({ controllers: [EchoController] })(EchoModule)
    const port = await freePort()
    const app = await NestFactory.createMicroservice(EchoModule, {
      transport: Transport.GRPC,
      options: { package: 'bench', protoPath, url: `127.0.0.1:${port}` },
      logger: false,
    })
    await app.listen()
    return port
  },
}

const freePort = async (): Promise<number> => {
  const { createServer } = await import('node:net')
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

const name = process.argv[2] ?? ''
const open = servers[name]
if (open === undefined) throw new Error(`unknown server '${name}': name one of ${Object.keys(servers).join(', ')}`)
console.log(await open())
