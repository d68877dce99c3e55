/** A message on the wire. */
export interface WireRecord {
  /** Records of one key go to one member of a group at a time. */
  readonly key?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Base64. */
  readonly body: string
}

/** A record as the server keeps it. */
export interface StoredRecord extends WireRecord {
  readonly topic: string
  /** From 0, one more for each record of the topic. */
  readonly offset: number
  readonly storedAtMs: number
}

/** A record that a member has to settle. */
export interface WireDelivery extends StoredRecord {
  readonly tag: number
  /** 1 for the first delivery. */
  readonly attempt: number
}

/** Where a new group begins. */
export type WireStart = 'latest' | 'earliest' | { readonly offset: number } | { readonly timeMs: number }

/**
 * What a client asks the server. Each call is a line of JSON, `{"id":1,"op":"publish","args":[...]}`, and so is its answer, `{"id":1,"result":...}`
 * or `{"id":1,"error":"..."}`. What a member has not settled goes back to its group when the connection ends.
 */
export interface Operations {
  /** Resolves when the server holds the records. */
  publish(topic: string, records: readonly WireRecord[]): Promise<void>
  /** Joins a group, which is made where it is not there, and answers the number of the member. A group whose name begins with `~` ends with `leave`. */
  join(group: string, pattern: string, start: WireStart): Promise<number>
  /** Some records, as soon as there are any. Answers none once the member is paused. */
  fetch(member: number, max: number): Promise<readonly WireDelivery[]>
  ack(member: number, tag: number): Promise<void>
  /** Gives a record back: it is delivered again after the delay. */
  nack(member: number, tag: number, delayMs: number): Promise<void>
  /** Ends the intake of a member. */
  pause(member: number): Promise<void>
  /** Takes a member out, with what it has not settled. */
  leave(member: number): Promise<void>
  ping(): Promise<void>
  topics(): Promise<readonly string[]>
  /** The records of a topic from an offset on. */
  read(topic: string, from: number, max: number): Promise<readonly StoredRecord[]>
  remove(topic: string, offsets: readonly number[]): Promise<void>
}

export const operationNames = [
  ...['publish', 'join', 'fetch', 'ack', 'nack', 'pause', 'leave', 'ping', 'topics', 'read', 'remove'],
] as readonly (keyof Operations)[]
