import { join } from 'node:path'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, expect, test } from 'vitest'
import { openGrpcServer } from '../src/grpc-server.ts'
import { descriptorSet, echoName, echoServices, openCaller } from './echo.ts'

interface Answer {
  readonly originalRequest: Record<string, unknown>
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] }
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string }
}

const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** Asks one thing after another over one stream. */
const open = async (version: string) => {
  const server = await openGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: echoServices(),
    descriptorSet,
    metrics: testTelemetry().metrics,
  })
  opened.push(() => server.close())
  const { client, close } = openCaller(server.address)
  opened.push(close)
  const folder = join(import.meta.dirname, '../../../node_modules/@grpc/reflection/build/proto')
  const definitions = loadSync(`grpc/reflection/${version}/reflection.proto`, { includeDirs: [folder] })
  const method = (definitions[`grpc.reflection.${version}.ServerReflection`] as ServiceDefinition)[
    'ServerReflectionInfo'
  ]
  if (method === undefined) throw new RangeError(version)
  const stream = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize)
  stream.on('error', () => undefined)
  opened.push(() => stream.cancel())
  return (request: Record<string, unknown>) =>
    new Promise<Answer>((resolve) => {
      stream.once('data', resolve)
      stream.write(request)
    })
}

const namesOf = ({ fileDescriptorResponse }: Answer): readonly string[] =>
  (fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) => String(bytes.subarray(2, 2 + (bytes[1] ?? 0))))

test.each(['v1', 'v1alpha'])('%s lists the services by the names that clients use', async (version) => {
  const ask = await open(version)
  const { listServicesResponse } = await ask({ listServices: '*' })
  expect(listServicesResponse?.service.map(({ name }) => name).sort()).toEqual([
    'Plain',
    echoName,
    'grpc.health.v1.Health',
  ])
})

test.each([
  [echoName, 'echo.proto'],
  [`${echoName}.Say`, 'echo.proto'],
  ['armature.test.v1.EchoRequest', 'echo.proto'],
  ['google.protobuf.Empty', 'google/protobuf/empty.proto'],
  ['Plain', 'plain.proto'],
  ['Plain.ask', 'plain.proto'],
  ['PlainRequest', 'plain.proto'],
  ['.PlainRequest', 'plain.proto'],
  ['grpc.health.v1.Health', 'grpc/health/v1/health.proto'],
])('the file of %s is %s', async (symbol, file) => {
  const ask = await open('v1')
  const answer = await ask({ fileContainingSymbol: symbol })
  expect(namesOf(answer)[0]).toBe(file)
  expect(answer.originalRequest).toMatchObject({ fileContainingSymbol: symbol })
})

test('a file comes with what it imports, and an unknown symbol is NOT_FOUND by its own name', async () => {
  const ask = await open('v1')
  expect(namesOf(await ask({ fileByFilename: 'echo.proto' }))).toEqual(['echo.proto', 'google/protobuf/empty.proto'])
  expect(await ask({ fileContainingSymbol: 'nobody.Here' })).toMatchObject({
    errorResponse: { errorCode: 5, errorMessage: expect.stringContaining('nobody.Here') as string },
    originalRequest: { fileContainingSymbol: 'nobody.Here' },
  })
  expect(namesOf(await ask({ fileContainingSymbol: 'Plain' }))).toEqual(['plain.proto'])
})
