import { type Server, status, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { PackageDefinition } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { filesOf } from './descriptor-set.ts'
import { healthFiles } from './health-descriptor.ts'

interface ReflectionRequest {
  readonly fileContainingSymbol?: string
}

interface ReflectionResponse {
  originalRequest: ReflectionRequest
  errorResponse?: { readonly errorCode: number }
  listServicesResponse?: { service: { name: string }[] }
}

interface ReflectionStream {
  on(event: string, listener: (request: ReflectionRequest) => void): unknown
  write(response: ReflectionResponse): unknown
  end(): unknown
}

/**
 * Serves grpc.reflection.v1 and v1alpha for the services of `descriptorSet` and the health service, so that grpcurl and the
 * like need no proto files.
 */
export const addReflection = (server: Server, descriptorSet: Uint8Array): void => {
  const files = { files: { fileDescriptorProtos: [...filesOf(descriptorSet), ...healthFiles()] } }
  new ReflectionService(files as unknown as PackageDefinition).addToServer({
    addService: (definition, implementation) => server.addService(definition, withPlainNames(implementation)),
  })
}

/** @grpc/reflection puts a dot before the names of a file that has no package; clients neither expect nor send it. */
const withPlainNames = (implementation: UntypedServiceImplementation): UntypedServiceImplementation => {
  const inner = implementation['ServerReflectionInfo'] as unknown as (stream: ReflectionStream) => void
  const handler = (stream: ReflectionStream): void => {
    let ask: (request: ReflectionRequest) => void = () => undefined
    let retried: ReflectionRequest | undefined
    const write = (response: ReflectionResponse): unknown => {
      const { fileContainingSymbol: symbol } = response.originalRequest
      if (response.errorResponse?.errorCode === status.NOT_FOUND && symbol !== undefined && retried === undefined) {
        retried = response.originalRequest
        ask({ ...retried, fileContainingSymbol: `.${symbol}` })
        return undefined
      }
      const originalRequest = retried ?? response.originalRequest
      retried = undefined
      for (const service of response.listServicesResponse?.service ?? []) service.name = service.name.replace(/^\./, '')
      return stream.write({ ...response, originalRequest })
    }
    const on = (event: string, listener: (request: ReflectionRequest) => void): unknown => {
      if (event === 'data') ask = listener
      return stream.on(event, listener)
    }
    inner({ on, write, end: () => stream.end() })
  }
  return { ServerReflectionInfo: handler }
}
