/** Calls `callback` once after `delayMs`; the answer cancels it. The shape of `Clock.after`. */
export type After = (delayMs: number, callback: () => void) => () => void

/** On the process's own clock. The timer keeps the process alive: it is what ends a drain that hangs. */
export const afterOnTimer: After = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}

export type Attempt = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

/** Runs `step`; a throw and a rejection are both a value, so that nothing is left unhandled. */
export const attempt = async (step: () => Promise<void> | void): Promise<Attempt> => {
  try {
    await step()
    return { ok: true }
  } catch (error) {
    return { ok: false, error }
  }
}

export interface Deadline {
  /** The outcome of `work`, or undefined when the deadline passed first. */
  within<T>(work: Promise<T>): Promise<T | undefined>
  readonly passed: boolean
  cancel(): void
}

/** A deadline that runs from now. */
export const deadlineIn = (limitMs: number, after: After): Deadline => {
  let passed = false
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  const cancel = after(limitMs, () => {
    passed = true
    resolve(undefined)
  })
  return {
    within: (work) => Promise.race([work, over]),
    get passed() {
      return passed
    },
    cancel,
  }
}
