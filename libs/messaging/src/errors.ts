/**
 * Why a publish was refused or failed. `unavailable` and `full` may succeed when tried again, and `unroutable` (the broker holds it for nobody)
 * once somebody has subscribed; the others will not.
 */
export type PublishFault = 'bad-topic' | 'bad-message' | 'too-large' | 'unroutable' | 'full' | 'closed' | 'unavailable'

export interface PublishErrorOptions {
  readonly topic: string
  readonly fault: PublishFault
  readonly cause?: unknown
}

/** Not every message of a publish is known to be held by the broker. */
export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly topic: string
  readonly fault: PublishFault
  /** Whether the same publish may succeed later. */
  readonly retryable: boolean

  constructor(problem: string, { topic, fault, cause }: PublishErrorOptions) {
    super(`cannot publish to ${quoted(topic)}: ${problem}`, cause === undefined ? undefined : { cause })
    this.topic = topic
    this.fault = fault
    this.retryable = fault === 'full' || fault === 'unavailable' || fault === 'unroutable'
  }
}

/** A subscription that cannot be made: a bad pattern or option, or a closed connection. */
export class SubscribeError extends Error {
  override readonly name = 'SubscribeError'
  readonly topic: string

  constructor(topic: string, problem: string, cause?: unknown) {
    super(`cannot subscribe to ${quoted(topic)}: ${problem}`, cause === undefined ? undefined : { cause })
    this.topic = topic
  }
}

/** A name that is no topic or no pattern. */
export class TopicError extends Error {
  override readonly name = 'TopicError'
  readonly topic: string

  constructor(topic: string, problem: string) {
    super(problem)
    this.topic = topic
  }
}

/** Exit codes of sysexits. */
const unavailableExitCode = 69
const configExitCode = 78

/** A messaging URL that no driver can be opened from. The message never holds the URL's credentials. */
export class MessagingUrlError extends Error {
  override readonly name = 'MessagingUrlError'
  /** The exit code of a program that ends because of it. */
  readonly exitCode = configExitCode
}

/** Why a broker cannot be used. The first two stay until the URL or the broker is changed. */
export type ConnectFault = 'credentials' | 'tls' | 'unavailable'

/** A broker that a driver cannot connect to. The message holds no credential. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  readonly fault: ConnectFault
  /** The exit code of a program that ends because of it. */
  readonly exitCode: number

  constructor(fault: ConnectFault, problem: string, options?: { cause?: unknown }) {
    super(problem, options)
    this.fault = fault
    this.exitCode = fault === 'unavailable' ? unavailableExitCode : configExitCode
  }
}

/**
 * Thrown by a handler for a message that will fail however often it is tried: retry middleware passes it on at once and
 * dead-letter middleware keeps `reason` as the label.
 */
export class UnrecoverableError extends Error {
  override readonly name: string = 'UnrecoverableError'
  /** A short label for counters and envelopes, such as `invalid-json`. */
  readonly reason: string

  constructor(reason: string, problem: string, options?: { cause?: unknown }) {
    super(problem, options)
    this.reason = reason
  }
}

/** Names shown in errors come from outside: escaped and bounded. */
const longestShown = 100

const quoted = (name: unknown): string => {
  const text = JSON.stringify(String(name))
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}..."`
}
