/** Runs `work` on every item, `concurrency` at once, in order of the list. Rejects with the first failure. */
export const forEachConcurrently = async <T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> => {
  const pending = items.entries()
  const worker = async () => {
    for (const [index, item] of pending) await work(item, index)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
