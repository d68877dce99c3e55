/** A value with its place in the history of its bucket. */
export interface KeyValueEntry {
  readonly value: string
  /** Grows with each write to the bucket. */
  readonly revision: number
}

/** The key is not at the revision that was named: somebody else wrote it meanwhile. */
export class KeyValueConflict extends Error {
  override readonly name = 'KeyValueConflict'

  constructor(key: string, options?: ErrorOptions) {
    super(`${key} was written by another`, options)
  }
}

/** A bucket of texts that several processes share. Keys are letters, digits and `_ - . =`. */
export interface KeyValue {
  get(key: string): Promise<KeyValueEntry | undefined>
  /**
   * Writes where the key is still at `revision` (0 = it is not there). Resolves with the new revision once the value is durable. Rejects with
   * KeyValueConflict, and with another error where the bucket cannot be reached.
   */
  put(key: string, value: string, revision: number): Promise<number>
  /** Removes where the key is still at `revision`. Rejects as `put` does. */
  remove(key: string, revision: number): Promise<void>
  /**
   * Calls `onChange` for each entry, and from then on for each change, whoever made it; undefined = removed. Resolves when all that was
   * there has been given. Calls `onLost` when somebody deleted the bucket: it was made anew, and has only what is put again.
   */
  watch(
    onChange: (key: string, entry: KeyValueEntry | undefined, revision: number) => void,
    onLost?: () => void,
  ): Promise<void>
  /** Safe to call twice. */
  close(): Promise<void>
}
