/** A reproducible source of pseudo-random numbers: the same seed gives the same sequence. Not for secrets. */
export interface Random {
  /** At least 0, below 1. */
  next(): number
  /** A whole number at least 0, below `limit` (1 to 2^32). */
  below(limit: number): number
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to interleave and to jitter. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, below: (limit) => Math.floor(next() * limit) }
}
