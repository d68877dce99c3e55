import type { FetchedRecord } from '../src/fetched.ts'

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let zigzag = value < 0 ? -value * 2 - 1 : value * 2
  for (; zigzag >= 0x80; zigzag = Math.floor(zigzag / 128)) bytes.push((zigzag % 128) + 0x80)
  return Buffer.from([...bytes, zigzag])
}

export interface RecordParts {
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: readonly (readonly [name: string, value: Buffer | null])[]
  readonly timestamp?: number
}

/** A record as it is fetched, its headers among other bytes. */
export const fetchedRecord = ({
  key = null,
  value = null,
  headers = [],
  timestamp = 1_000,
}: RecordParts): FetchedRecord => {
  const data = Buffer.concat([
    Buffer.from('before'),
    varint(headers.length),
    ...headers.flatMap(([name, each]) => [
      varint(Buffer.byteLength(name)),
      Buffer.from(name),
      varint(each?.length ?? -1),
      each ?? Buffer.of(),
    ]),
  ])
  return { offset: 7, timestamp, key, value, headers: { data, at: 6 } }
}
