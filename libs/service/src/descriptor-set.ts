import { loadFileDescriptorSetFromBuffer, type Options, type ServiceDefinition } from '@grpc/proto-loader'

/**
 * The services of a compiled descriptor set (`buf build -o` or `protoc --include_imports -o`) by full name:
 * `armature.search.v1.SearchService`, or `Search` where there is no package. Fields keep the names of the proto, 64-bit numbers
 * become strings unless `options` say otherwise.
 */
export const servicesOf = (
  descriptorSet: Uint8Array,
  options: Options = {},
): Readonly<Record<string, ServiceDefinition>> => {
  const definitions = loadFileDescriptorSetFromBuffer(Buffer.from(descriptorSet), {
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    ...options,
  })
  return Object.fromEntries(
    Object.entries(definitions).filter((entry): entry is [string, ServiceDefinition] => !('format' in entry[1])),
  )
}

/** The full name of a service, as its method paths have it. */
export const serviceName = (definition: Readonly<Record<string, { readonly path: string }>>): string =>
  Object.values(definition)[0]?.path.split('/')[1] ?? ''

/**
 * The files of a descriptor set, each a serialized `FileDescriptorProto`, byte for byte. proto-loader's own copies are
 * regrouped by package and lose their imports, which a reflection client needs.
 * `message FileDescriptorSet { repeated FileDescriptorProto file = 1; }` (google/protobuf/descriptor.proto)
 */
export const filesOf = (descriptorSet: Uint8Array): readonly Buffer[] => {
  const bytes = Buffer.from(descriptorSet)
  const files: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes[at] !== fileTag) throw new RangeError(`not a descriptor set: byte ${at} starts no file`)
    const { value: length, next } = varint(bytes, at + 1)
    if (next + length > bytes.length) throw new RangeError(`not a descriptor set: the file at byte ${at} is cut off`)
    files.push(bytes.subarray(next, next + length))
    at = next + length
  }
  return files
}

/** Field 1, length-delimited. */
const fileTag = 0x0a

const varint = (bytes: Buffer, start: number): { value: number; next: number } => {
  let value = 0
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { value, next: start + index + 1 }
  }
  throw new RangeError(`not a descriptor set: no length at byte ${start}`)
}
