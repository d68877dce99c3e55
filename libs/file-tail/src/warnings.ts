export interface Warnings {
  /** Says a problem, unless it was said in this round or in the last one. */
  tell(problem: string): void
  nextRound(): void
}

/** Says each problem once, as long as it comes again in every round. */
export const createWarnings = (warn: (problem: string) => void): Warnings => {
  let last = new Set<string>()
  let current = new Set<string>()
  return {
    tell: (problem) => {
      if (!last.has(problem) && !current.has(problem)) warn(problem)
      current.add(problem)
    },
    nextRound: () => {
      last = current
      current = new Set()
    },
  }
}
