import { byteSequence, exactText } from './byte-sequence.ts'

/** The key of a message: text for programs, and the bytes where they are others. */
export interface MessageKey {
  /**
   * Messages with the same key are kept in order by drivers that declare `order: 'key'`. An empty key is a key. Where the attribute
   * `partitionkey` and the key of a Kafka record differ, this is the attribute.
   */
  readonly key?: string | undefined
  /**
   * The bytes of the key, where they are not `key` in UTF-8: Kafka's keys are bytes. `key` is then text that stands for them, the same
   * text for the same bytes. Every driver carries them, and Kafka chooses the partition by them.
   */
  readonly keyBytes?: Uint8Array | undefined
}

/** The text that stands for a key of bytes: what it is in UTF-8, else a byte sequence. */
export const textOfKey = (bytes: Uint8Array): string => exactText(bytes) ?? byteSequence(bytes)

/** The key of what came: the bytes that the protocol has for it, and the attribute `partitionkey`, which comes first as text. */
export const receivedKey = (bytes: Uint8Array | undefined, partitionKey: string | undefined): MessageKey => {
  if (bytes === undefined) return { key: partitionKey, keyBytes: undefined }
  const text = exactText(bytes)
  const key = partitionKey ?? text ?? byteSequence(bytes)
  // A copy: a small message does not keep all that came with it.
  return { key, keyBytes: key === text ? undefined : Uint8Array.from(bytes) }
}

/** The bytes of the key; undefined = no key. */
export const bytesOfKey = ({ key, keyBytes }: MessageKey): Uint8Array | undefined =>
  keyBytes ?? (key === undefined ? undefined : Buffer.from(key))

/** Whether the text says no more than the bytes do, so that only these have to be carried. */
export const standsForBytes = ({ key, keyBytes }: MessageKey): boolean =>
  key !== undefined && keyBytes !== undefined && key === textOfKey(keyBytes)
