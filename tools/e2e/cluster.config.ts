import { tallyReporter } from '@armature/test/reporter'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** A step of a cluster may take minutes; nothing is tried again. */
const stepTimeoutMs = 600_000

/** The files stand on one installation and run in the order of their names. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'src/global-setup.ts',
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: stepTimeoutMs,
    hookTimeout: stepTimeoutMs,
    // Each step stands on the one before it.
    bail: 1,
    reporters: ['verbose', tallyReporter],
  },
})
