/** The work of every contender of a broker bench. */
export interface Job {
  /** The address of the broker, as its own clients take it. */
  readonly url: string
  /** A name that nothing else uses. */
  readonly topic: string
  readonly messages: number
  readonly bodyBytes: number
  /** Publish: messages a call. Consume: unsettled at once. */
  readonly atOnce: number
  /** Publish: calls that are under way together; all are confirmed before the next ones. */
  readonly callers: number
}

/** A library on one broker. Each method opens what it needs, does the job, closes, and resolves to messages a second. */
export interface Party {
  readonly name: string
  /** Publishes; a call is over when the broker has confirmed it. */
  publish?(job: Job): Promise<number>
  /** Handles and acknowledges what lies in the topic already, from the call that subscribes until the last message is handled. */
  consume?(job: Job): Promise<number>
  /** From the first publish until the last message is handled. */
  through?(job: Job): Promise<number>
}

export type Scenario = 'publish' | 'consume' | 'through'

export const bodyOf = ({ bodyBytes }: Job): Buffer => Buffer.alloc(bodyBytes, 'x')

/** Calls `send` for `messages` in calls of `atOnce`, `callers` of them together; resolves to messages a second. */
export const publishRate = async (
  { messages, atOnce, callers }: Job,
  send: (count: number) => Promise<unknown>,
): Promise<number> => {
  const startMs = performance.now()
  for (let sent = 0; sent < messages; sent += atOnce * callers) {
    if (callers === 1) await send(Math.min(atOnce, messages - sent))
    else await together(Math.min(callers, Math.ceil((messages - sent) / atOnce)), () => send(atOnce))
  }
  return messages / ((performance.now() - startMs) / 1_000)
}

const deadlineMs = 120_000

/** Counts messages, from this call to the last one: what a client fetched before it handed out the first is no free start. */
export const arrivals = ({ messages }: Job, what: string) => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const startMs = performance.now()
  let seen = 0
  const timer = setTimeout(
    () => reject(new Error(`${what}: ${seen} of ${messages} messages in ${deadlineMs / 1_000} s`)),
    deadlineMs,
  )
  return {
    count: () => {
      seen += 1
      if (seen !== messages) return
      clearTimeout(timer)
      resolve(messages / ((performance.now() - startMs) / 1_000))
    },
    rate: promise,
  }
}

/** Sends all, `atOnce` a call, and waits until all are handled; resolves to messages a second. */
export const throughRate = async (
  job: Job,
  handled: Promise<unknown>,
  send: (count: number) => Promise<unknown>,
): Promise<number> => {
  const startMs = performance.now()
  await publishRate(job, send)
  await handled
  return job.messages / ((performance.now() - startMs) / 1_000)
}

/** A call for each of `count` messages, all under way together. */
export const together = (count: number, send: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, send))

/** The attributes that a CloudEvent carries, so that all contenders put the same on the wire; `time` is read anew for each message. */
export const eventHeaders = ({ topic }: Job, prefix: string, id: string): Record<string, string> => ({
  [`${prefix}specversion`]: '1.0',
  [`${prefix}id`]: id,
  [`${prefix}source`]: '/armature',
  [`${prefix}type`]: topic,
  [`${prefix}time`]: new Date().toISOString(),
})
