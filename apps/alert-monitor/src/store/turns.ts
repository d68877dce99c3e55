/** Work on one id is done one after the other. */
export interface Turns {
  /** Does the work after what was asked for of this id before. */
  next<Result>(id: string, work: () => Promise<Result>): Promise<Result>
  /** Does the work after that too, and at once where there is none. */
  afterThose(id: string, work: () => void): void
}

/** Nothing is under way. */
export const createTurns = (): Turns => {
  const chains = new Map<string, Promise<unknown>>()
  const next = <Result>(id: string, work: () => Promise<Result>): Promise<Result> => {
    const result = (chains.get(id) ?? Promise.resolve()).then(work)
    const chain: Promise<unknown> = result
      .catch(() => undefined)
      .then(() => void (chains.get(id) === chain && chains.delete(id)))
    chains.set(id, chain)
    return result
  }
  return {
    next,
    afterThose: (id, work) => {
      if (chains.has(id)) void next(id, () => Promise.resolve(work()))
      else work()
    },
  }
}
