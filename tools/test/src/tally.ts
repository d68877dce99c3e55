/** The results of a run: names of tests, in the order they were reported. */
export type Tally = {
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
  /** The files of tests that failed; undefined where running them again would prove nothing. */
  readonly failedFiles?: readonly string[] | undefined
  /** Tests that failed, and passed when their file ran once more, alone. */
  readonly flaky?: readonly string[]
}

/** The files to run once more where at most so many tests failed, and nothing else did. */
export const filesToRunAgain = ({ failed, failedFiles = [] }: Tally, maxFlaky: number): readonly string[] =>
  failed.length > maxFlaky ? [] : failedFiles

/** The tally of a run whose failed files ran once more: without a failure, those tests are flaky. */
export const afterSecondRun = (first: Tally, second: Tally): Tally =>
  succeeded(second)
    ? { passed: first.passed + first.failed.length, failed: [], skipped: first.skipped, flaky: first.failed }
    : first

/** A run that has run no test proves nothing, so it is a failure too. */
export const succeeded = (tally: Tally): boolean => tally.failed.length === 0 && tally.passed > 0

/**
 * The lines that close a run; the last is `N passed, N failed` alone. Where servers were left out on purpose, what was skipped stands
 * just above it: nobody should take such a run for a whole one.
 */
export const closing = (tally: Tally, leftOut: readonly string[] = []): string[] => [
  ...(leftOut.length === 0 ? titled('skipped', tally.skipped) : []),
  ...titled('FLAKY (failed, and passed when the file ran once more alone: a fault to be found)', tally.flaky ?? []),
  ...titled('failed', tally.failed),
  ...(leftOut.length === 0 ? [] : titled(`skipped (ARMATURE_SKIP=${leftOut.join(',')})`, tally.skipped)),
  ...(tally.passed + tally.failed.length === 0 ? ['No test was run.'] : []),
  `${tally.passed} passed, ${tally.failed.length} failed`,
]

const titled = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${names.length} ${what}:`, ...names.map((name) => `  ${name}`), '']
