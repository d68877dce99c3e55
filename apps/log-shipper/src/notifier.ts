/** Lets go of everyone who waits, each time it is called. */
export interface Notifier {
  notify(): void
  /** Resolves at the next `notify`. */
  notified(): Promise<void>
}

/** Nobody waits yet. */
export const createNotifier = (): Notifier => {
  let next = Promise.withResolvers<void>()
  return {
    notify: () => {
      next.resolve()
      next = Promise.withResolvers()
    },
    notified: () => next.promise,
  }
}
