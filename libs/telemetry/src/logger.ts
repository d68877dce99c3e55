import type { Writable } from 'node:stream'
import { redactUrl } from '@armature/config/redact'
import { isSpanContextValid, trace } from '@opentelemetry/api'
import { pino, stdTimeFunctions, type Logger as PinoLogger } from 'pino'
import { lineOutput } from './line-output.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogMethod {
  /** An error belongs under `err`: `{ err: error }`. */
  (fields: object, message?: string): void
  (message: string): void
}

/** Writes one JSON line a call. Never throws and never waits. */
export interface Logger {
  readonly trace: LogMethod
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
  readonly fatal: LogMethod
  /** A logger whose lines also have these fields. It follows the level of the first. */
  child(bindings: Readonly<Record<string, unknown>>): Logger
  /** Least level that is written, of this logger, its parents and its children alike; may be set at any time. */
  level: LogLevel
}

/** The logger that has the stream. */
export interface RootLogger extends Logger {
  /** Resolves when what was logged so far is written, at the latest after a second. */
  flush(): Promise<void>
}

export interface LoggerOptions {
  service: string
  level?: LogLevel
  /** Default: standard output. */
  destination?: Writable
  /** Called for each line that was discarded: 16 MiB wait already, the reader has gone, or its fields threw when read. */
  onDiscard?: () => void
}

const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const

/**
 * A logger of JSON lines: level, time (ISO 8601), service, `trace_id` and `span_id` where a span is active, the fields, msg.
 * Credentials in URLs are replaced by `***` wherever they stand in a line.
 */
export const createLogger = ({
  service,
  level = 'info',
  destination,
  onDiscard = () => undefined,
}: LoggerOptions): RootLogger => {
  const output = lineOutput(destination ?? process.stdout, { onDiscard })
  const root = pino(
    {
      level: 'trace',
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: spanFields,
      hooks: { streamWrite: redactUrl },
    },
    output,
  )
  return Object.assign(facade(root, { level, onDiscard }), { flush: output.flush })
}

/** pino's own children would keep the level they were made with: here all share one, and pino writes what passes it. */
const facade = (inner: PinoLogger, state: { level: LogLevel; readonly onDiscard: () => void }): Logger => {
  const method =
    (name: Exclude<LogLevel, 'silent'>): LogMethod =>
    (fields: object | string, message?: string) => {
      if (levels[name] < levels[state.level]) return
      try {
        if (typeof fields === 'string') inner[name](fields)
        else inner[name](fields, message)
      } catch {
        // A getter of the fields threw: the caller must not hear of it.
        state.onDiscard()
      }
    }
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
    child: (bindings) => facade(inner.child(bindings), state),
    get level() {
      return state.level
    },
    set level(wanted) {
      state.level = wanted
    },
  }
}

const spanFields = (): object => {
  const context = trace.getActiveSpan()?.spanContext()
  return context !== undefined && isSpanContextValid(context)
    ? { trace_id: context.traceId, span_id: context.spanId }
    : {}
}

/** A logger that writes nothing. */
export const silentLogger = (): Logger => {
  const nothing: LogMethod = () => undefined
  const logger: Logger = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
    child: () => logger,
    level: 'silent',
  }
  return logger
}
