import type { MessageRun } from './message-run.ts'

export interface RunText {
  readonly body: string
  readonly number: number
  readonly timeMs: number
  /** The index of its headers in `kinds`. */
  readonly kind: number
}

/** For tests: a run of these messages. */
export const runOf = (
  messages: readonly RunText[],
  { kinds, key, idPrefix }: Pick<MessageRun, 'kinds' | 'key' | 'idPrefix'>,
): MessageRun => {
  const bodies = messages.map(({ body }) => Buffer.from(body))
  const starts = new Uint32Array(messages.length)
  for (let index = 1; index < bodies.length; index++) {
    // A byte between, as a line has its terminator.
    starts[index] = (starts[index - 1] ?? 0) + (bodies[index - 1]?.length ?? 0) + 1
  }
  return {
    ...{ count: messages.length, key, kinds, idPrefix, starts },
    kindOf: Uint8Array.from(messages, ({ kind }) => kind),
    idNumbers: Float64Array.from(messages, ({ number }) => number),
    timesMs: Float64Array.from(messages, ({ timeMs }) => timeMs),
    data: Buffer.from(bodies.map((body) => `${body.toString()}\n`).join('')),
    ends: starts.map((start, index) => start + (bodies[index]?.length ?? 0)),
  }
}
