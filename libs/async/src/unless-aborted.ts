/** Settles as the promise does. Rejects with the signal's reason as soon as it is aborted; the promise is ignored after that. */
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
