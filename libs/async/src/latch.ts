/** An event that several callers can wait for, until it is opened. A caller that waits after that waits for the next time. */
export interface Latch {
  /** How many wait. */
  readonly waiting: number
  wait(): Promise<void>
  /** Lets all go on who wait now. */
  open(): void
}

/** A closed one. */
export const latch = (): Latch => {
  let resolves: (() => void)[] = []
  return {
    get waiting() {
      return resolves.length
    },
    wait: () => new Promise<void>((resolve) => resolves.push(resolve)),
    open: () => {
      const due = resolves
      resolves = []
      for (const resolve of due) resolve()
    },
  }
}
