/** Work that is under way. */
export interface Pending {
  /** Notes work until it settles, and answers it. */
  track<Result>(work: Promise<Result>): Promise<Result>
  /** Notes work whose outcome is of no further interest, until it settles. */
  note(work: Promise<unknown>): void
  readonly size: number
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** Nothing is under way. */
export const createPending = (): Pending => {
  const underWay = new Set<Promise<unknown>>()
  const note = (work: Promise<unknown>) => {
    const noted: Promise<unknown> = work.catch(() => undefined).then(() => underWay.delete(noted))
    underWay.add(noted)
  }
  return {
    note,
    track: (work) => {
      note(work)
      return work
    },
    get size() {
      return underWay.size
    },
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}
