/** What the promise settles to. Rejects with the signal's reason as soon as it is aborted; what becomes of the promise after that is nobody's. */
export const unlessAborted = async <Result>(signal: AbortSignal, promise: Promise<Result>): Promise<Result> => {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason as Error)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([aborted.promise, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
