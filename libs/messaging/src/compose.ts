import type { Middleware } from './ports.ts'

/**
 * One middleware of many: the first is the outermost. The usual order is `measure, trace, throttle, dedupe, deadLetter,
 * circuitBreaker, retry, timeout`; what is left out leaves the others where they are.
 */
export const compose =
  (...middleware: readonly Middleware[]): Middleware =>
  (handler) =>
    middleware.reduceRight((next, wrap) => wrap(next), handler)
