/** The result, or undefined after `waitMs`. */
export const within = async <Result>(promise: Promise<Result>, waitMs: number): Promise<Result | undefined> => {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), waitMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
