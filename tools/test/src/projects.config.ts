import { availableParallelism } from 'node:os'
import { guaranteesReporter } from '@armature/messaging-kit/guarantees-reporter'
import { defineConfig } from 'vitest/config'
import { tallyReporter } from './reporter.ts'

/** Each worker may hold an embedded database of about a gigabyte, which also keeps a core busy while it opens. */
const maxWorkers = Math.min(4, Math.max(2, Math.floor(availableParallelism() / 2)))

export default defineConfig({
  test: {
    projects: ['apps/*', 'libs/*', 'tools/*', 'examples/*'].map((folder) => `${folder}/vitest.config.ts`),
    pool: 'forks',
    maxWorkers,
    reporters: ['default', guaranteesReporter(), tallyReporter],
  },
})
