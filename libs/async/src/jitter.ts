/**
 * A random time between two, in whole milliseconds, so that many that began at one time do not go on at one time. `random` returns numbers from
 * 0 to below 1.
 */
export const jitterMs = (leastMs: number, mostMs: number, random: () => number = Math.random): number =>
  Math.ceil(leastMs + random() * (mostMs - leastMs))
