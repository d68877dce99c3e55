import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { edited } from './edit.ts'
import type { Safeguard } from './safeguard.ts'
import type { TestRun } from './test-run.ts'

/**
 * `red`: a test failed without the safeguard, as it must. `survived`: none did. `stale`: the table no longer fits the code, so nothing
 * was run.
 */
export type Verdict = { readonly outcome: 'red' | 'survived' | 'stale'; readonly detail: string }

/** Takes one safeguard out of the copy in `folder`, runs its tests there and puts the file back as it was. */
export const judge = async (
  folder: string,
  safeguard: Safeguard,
  runTests: (tests: readonly string[]) => Promise<TestRun>,
): Promise<Verdict> => {
  const path = join(folder, safeguard.file)
  const before = readFileSync(path, 'utf8')
  const edit = edited(before, safeguard)
  if ('problem' in edit) return { outcome: 'stale', detail: edit.problem }
  try {
    writeFileSync(path, edit.text)
    const { failed, passed, overran } = await runTests(safeguard.tests)
    if (overran) return { outcome: 'red', detail: 'its tests did not end within the limit' }
    if (failed > 0) return { outcome: 'red', detail: `${failed} of ${failed + passed} tests` }
    return { outcome: 'survived', detail: `${passed} tests passed without it` }
  } finally {
    writeFileSync(path, before)
  }
}
