/** Returns the state of a promise now, without waiting for it. */
export const outcomeOf = (
  promise: Promise<unknown>,
): { state: 'pending' | 'resolved' | 'rejected'; error?: unknown } => {
  const outcome: ReturnType<typeof outcomeOf> = { state: 'pending' }
  promise.then(
    () => void (outcome.state = 'resolved'),
    (error: unknown) => {
      outcome.state = 'rejected'
      outcome.error = error
    },
  )
  return outcome
}
