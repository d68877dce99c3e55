import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  type Deadline,
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { silentLogger } from '@armature/telemetry/logger'
import { servicesOf } from '../src/descriptor-set.ts'
import { type CallContext, unary } from '../src/grpc-handler.ts'
import type { GrpcService } from '../src/grpc-server.ts'

/** `buf build test/protos -o test/protos/test.binpb` */
export const descriptorSet = readFileSync(join(import.meta.dirname, 'protos', 'test.binpb'))
const services = servicesOf(descriptorSet)
export const echoName = 'armature.test.v1.Echo'
export const echoDefinition = services[echoName] as ServiceDefinition
export const plainDefinition = services['Plain'] as ServiceDefinition
export const healthDefinition = loadSync('health/v1/health.proto', {
  includeDirs: [join(import.meta.dirname, '../../../node_modules/grpc-health-check/proto')],
  enums: String,
})['grpc.health.v1.Health'] as ServiceDefinition

export interface Text {
  readonly text: string
}

/** Both test services; `say` is what Echo answers by. */
export const echoServices = (
  say: (request: Text, context: CallContext) => Promise<Text> = async ({ text }) => ({ text }),
): readonly GrpcService[] => [
  {
    definition: echoDefinition,
    implementation: {
      Say: unary(silentLogger(), say),
      Repeat: (call: ServerWritableStream<Text & { times: number }, Text>) => {
        for (let time = 0; time < call.request.times; time += 1) call.write({ text: call.request.text })
        call.end()
      },
    },
  },
  {
    definition: plainDefinition,
    implementation: {
      ask: (call: ServerUnaryCall<{ query: string }, unknown>, answer: sendUnaryData<{ response: string }>) =>
        answer(null, { response: call.request.query }),
    },
  },
]

export interface Caller {
  /** One unary call, by the names of its service definition. */
  call<Response = Text>(
    definition: ServiceDefinition,
    method: string,
    request: object,
    options?: { deadline?: Deadline; metadata?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>
  /** One header of the answer to a unary call, or of its error; `value` is sent under the same name. */
  header(definition: ServiceDefinition, method: string, request: object, name: string, value?: string): Promise<unknown>
  /** A unary call whose request is these bytes, as they are. */
  callRaw(path: string, bytes: Buffer): Promise<Buffer>
  /** All a server stream sends, until it ends; `onMessage` sees each. */
  stream(
    definition: ServiceDefinition,
    method: string,
    request: object,
    onMessage?: (message: object) => void,
  ): Promise<object[]>
  readonly client: Client
  close(): void
}

const asIs = (bytes: Buffer): Buffer => bytes

export const openCaller = (
  address: string,
  options: ChannelOptions = {},
  channelCredentials: ChannelCredentials = credentials.createInsecure(),
): Caller => {
  const client = new Client(address, channelCredentials, { 'grpc.use_local_subchannel_pool': 1, ...options })
  const methodOf = (definition: ServiceDefinition, name: string) => {
    const method = definition[name]
    if (method === undefined) throw new RangeError(`no method ${name}`)
    return method
  }
  return {
    client,
    call: (definition, name, request, { deadline = Date.now() + 10_000, metadata = {}, signal } = {}) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(definition, name)
      const sent = new Metadata()
      for (const [key, value] of Object.entries(metadata)) sent.set(key, value)
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          sent,
          { deadline },
          (error, response) => (error === null ? resolve(response as never) : reject(error)),
        )
        signal?.addEventListener('abort', () => call.cancel())
      })
    },
    header: (definition, method, request, name, value) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(definition, method)
      const sent = new Metadata()
      if (value !== undefined) sent.set(name, value)
      const { promise, resolve } = Promise.withResolvers<unknown>()
      client
        .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, sent, (error) => {
          if (error !== null) resolve(error.metadata.get(name)[0])
        })
        .on('metadata', (metadata: Metadata) => metadata.get(name).length > 0 && resolve(metadata.get(name)[0]))
      return promise
    },
    callRaw: (path, bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, asIs, asIs, bytes, (error, response) =>
          error === null ? resolve(response as Buffer) : reject(error),
        )
      }),
    stream: (definition, name, request, onMessage = () => undefined) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(definition, name)
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
      const messages: object[] = []
      return new Promise((resolve, reject) => {
        call.on('data', (message: object) => {
          messages.push(message)
          onMessage(message)
        })
        call.on('error', reject)
        call.on('end', () => resolve(messages))
      })
    },
    close: () => client.close(),
  }
}
