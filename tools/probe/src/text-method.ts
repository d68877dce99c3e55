import type { MethodDefinition } from '@grpc/grpc-js'

/** A request whose field 1 is a text; the answer is left as it comes. */
export type TextMethod = MethodDefinition<{ readonly text: string }, Buffer>

/** Throws RangeError for what is no full name of a method. */
export const checkMethod = (name: string): void => {
  if (!/^[\w.]+\/\w+$/.test(name)) throw new RangeError(`${name} is no method: write package.Service/Method`)
}

/** The method with this full name, `package.Service/Method`. Throws RangeError for a name of another form. */
export const textMethod = (name: string): TextMethod => {
  checkMethod(name)
  return {
    path: `/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: ({ text }) => encodeText(text),
    requestDeserialize: () => ({ text: '' }),
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
  }
}

/** Field 1 of wire type 2 (length-delimited), as https://protobuf.dev/programming-guides/encoding has it. */
export const encodeText = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(0x0a, ...varint(bytes.length)), bytes])
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)])
