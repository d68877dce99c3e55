const firstDelayMs = 50
const maxDelayMs = 5_000

/**
 * How long to wait before the attempt to connect again, 1 the first: exponential with full jitter, 5 s at most, so that clients that
 * lost a broker together do not come back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export const reconnectDelayMs = (attempt: number, random: () => number = Math.random): number =>
  Math.ceil(random() * Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 30)))
