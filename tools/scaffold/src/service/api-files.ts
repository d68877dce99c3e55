import type { Files } from './source-files.ts'
import type { ServiceSpec } from './spec.ts'

/** The API of a service: the contract and its methods. */
export const apiFiles = (spec: ServiceSpec): Files => {
  if (spec.api === 'none') return {}
  if (spec.api === 'http') return { 'src/routes.ts': routes }
  return {
    'proto/buf.yaml': bufYaml,
    [protoPath(spec)]: proto(spec),
    'src/api.ts': api(spec),
    'src/methods.ts': methods(spec),
  }
}

/** The package of a proto has no hyphens. */
const protoName = ({ name }: ServiceSpec): string => name.replaceAll('-', '')

/** The full name of the gRPC service. */
export const grpcService = (spec: ServiceSpec): string => `armature.${protoName(spec)}.v1.${spec.pascal}Service`

const protoPath = (spec: ServiceSpec): string => `proto/armature/${protoName(spec)}/v1/${spec.name}.proto`

/** The file of the compiled protos, in the folder of the app. */
export const descriptorPath = ({ name }: ServiceSpec): string => `proto/${name}.binpb`

const bufYaml = `version: v2
lint:
  use:
    - STANDARD
breaking:
  use:
    - FILE
`

const proto = (spec: ServiceSpec): string => `syntax = "proto3";

package armature.${protoName(spec)}.v1;

// ${spec.description}.
service ${spec.pascal}Service {
  // Keeps an entry once, however often it is put. ALREADY_EXISTS where another entry has its id.
  rpc PutEntry(PutEntryRequest) returns (PutEntryResponse);
  // The entry with an id. NOT_FOUND where there is none.
  rpc GetEntry(GetEntryRequest) returns (GetEntryResponse);
}

message PutEntryRequest {
  // A JSON object with an \`id\` of 1 to 100 letters, digits and . : @ _ -
  string entry_json = 1;
}

message PutEntryResponse {
  // False where the same entry was there already.
  bool is_new = 1;
}

message GetEntryRequest {
  string id = 1;
}

message GetEntryResponse {
  // A JSON object.
  string entry_json = 1;
}
`

const api = (spec: ServiceSpec): string => `import { readFileSync } from 'node:fs'
import { servicesOf } from '@armature/service/descriptor-set'
import type { ServiceDefinition } from '@grpc/grpc-js'

/** The protos in \`../proto\`, compiled: \`npm run proto\`. */
export const descriptorSet: Uint8Array = readFileSync(new URL('../${descriptorPath(spec)}', import.meta.url))

const definitionOf = (name: string): ServiceDefinition => {
  const definition = servicesOf(descriptorSet)[name]
  if (definition === undefined) throw new Error(\`${descriptorPath(spec)} has no service \${name}: run npm run proto\`)
  return definition
}

/** The API. Messages are below, their fields named as in the proto. */
export const ${spec.camel}ServiceV1 = definitionOf('${grpcService(spec)}')

export interface PutEntryRequest {
  readonly entry_json: string
}

export interface PutEntryResponse {
  readonly is_new: boolean
}

export interface GetEntryRequest {
  readonly id: string
}

export interface GetEntryResponse {
  readonly entry_json: string
}
`

const methods = ({ camel }: ServiceSpec): string => `import { unary } from '@armature/service/grpc-handler'
import type { GrpcService } from '@armature/service/grpc-server'
import { invalidArgument, StatusError } from '@armature/service/grpc-status'
import type { Logger } from '@armature/telemetry/logger'
import { status } from '@grpc/grpc-js'
import type { Accept } from './accept.ts'
import {
  ${camel}ServiceV1,
  type GetEntryRequest,
  type GetEntryResponse,
  type PutEntryRequest,
  type PutEntryResponse,
} from './api.ts'
import { entry, type Entry, entryId } from './entry.ts'
import type { Store } from './store.ts'

export interface MethodTools {
  readonly accept: Accept
  readonly store: Store
  readonly log: Logger
}

/** The methods of the API. */
export const methods = ({ accept, store, log }: MethodTools): readonly GrpcService[] => [
  {
    definition: ${camel}ServiceV1,
    implementation: {
      PutEntry: unary<PutEntryRequest, PutEntryResponse>(log, async (request, { signal }) => {
        const given = entryOf(request.entry_json)
        const saved = await accept(given, signal)
        if (saved === 'conflict') throw new StatusError(status.ALREADY_EXISTS, \`another entry has the id \${given.id}\`)
        return { is_new: saved === 'new' }
      }),
      GetEntry: unary<GetEntryRequest, GetEntryResponse>(log, async ({ id }, { signal }) => {
        const { error } = entryId.safeParse(id)
        if (error !== undefined) throw invalidArgument('id', error.issues[0]?.message ?? '')
        const found = await store.find(id, signal)
        if (found === undefined) throw new StatusError(status.NOT_FOUND, \`there is no entry \${id}\`)
        return { entry_json: JSON.stringify(found) }
      }),
    },
  },
]

const entryOf = (json: string): Entry => {
  const { data, error } = entry.safeParse(valueOf(json))
  if (error === undefined) return data
  const [issue] = error.issues
  throw invalidArgument(['entry_json', ...(issue?.path ?? [])].join('.'), issue?.message ?? '')
}

const valueOf = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    throw invalidArgument('entry_json', 'is no JSON')
  }
}
`

const routes = `import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendText } from '@armature/service/http-server'
import type { Accept } from './accept.ts'
import { entry, entryId } from './entry.ts'
import type { Store } from './store.ts'

export interface RouteTools {
  readonly accept: Accept
  readonly store: Store
}

const maxBodyBytes = 1024 * 1024
const jsonType = 'application/json'

/** Answers \`PUT /entries/ID\` and \`GET /entries/ID\`. */
export const routes =
  ({ accept, store }: RouteTools) =>
  async (request: IncomingMessage, response: ServerResponse, { pathname }: URL): Promise<void> => {
    const id = /^\\/entries\\/([^/]+)$/.exec(pathname)?.[1]
    if (id === undefined) return sendText(response, 404, 'there is no such path\\n')
    if (!entryId.safeParse(id).success) return sendText(response, 400, 'the id is not valid\\n')
    const signal = signalOf(response)
    switch (request.method) {
      case 'GET': {
        const found = await store.find(id, signal)
        if (found === undefined) return sendText(response, 404, \`there is no entry \${id}\\n\`)
        return sendText(response, 200, \`\${JSON.stringify(found)}\\n\`, jsonType)
      }
      case 'PUT': {
        const body = await bodyOf(request)
        if (body === undefined) return sendText(response, 413, \`the body has more than \${maxBodyBytes} bytes\\n\`)
        const { data } = entry.safeParse(valueOf(body))
        if (data?.id !== id) return sendText(response, 400, 'the body is no JSON object with the id of the path\\n')
        const saved = await accept(data, signal)
        if (saved === 'conflict') return sendText(response, 409, \`another entry has the id \${id}\\n\`)
        return sendText(response, saved === 'new' ? 201 : 200, \`\${saved}\\n\`)
      }
      default:
        response.setHeader('allow', 'GET, PUT')
        return sendText(response, 405, 'use GET or PUT\\n')
    }
  }

/** Aborted when the client is gone. */
const signalOf = (response: ServerResponse): AbortSignal => {
  const gone = new AbortController()
  response.once('close', () => response.writableFinished || gone.abort())
  return gone.signal
}

/**
 * Undefined where it is too long. It is read to its end all the same, or the next request of the connection would wait for ever; the timeout of a
 * request is the bound.
 */
const bodyOf = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= maxBodyBytes) chunks.push(chunk)
  }
  return length > maxBodyBytes ? undefined : Buffer.concat(chunks).toString()
}

const valueOf = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
`
