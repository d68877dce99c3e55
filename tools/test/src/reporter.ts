import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { type Reporter, type TestCase, type TestModule } from 'vitest/node'
import { type Tally } from './tally.ts'

/** Writes the tally of the run to the file that TALLY_FILE names, for tools/test to close with. */
export const tallyReporter: Reporter = {
  onTestRunEnd: (modules, unhandledErrors, reason) => {
    const path = process.env['TALLY_FILE']
    if (path === undefined) return
    const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ module, test })))
    const named = (state: string) =>
      tests
        .filter(({ test }) => test.result().state === state)
        .map(({ module, test }) => `${nameOf(module)} > ${test.fullName}`)
    // A file that cannot be imported, or a hook that fails, has errors but perhaps no failed test.
    const broken = modules
      .filter((module) => module.errors().length > 0 || (module.state() === 'failed' && !hasFailedTest(module)))
      .map((module) => `${nameOf(module)} > ${firstLine(module.errors()[0]?.message ?? 'a hook or suite failed')}`)
    const tally: { -readonly [Key in keyof Tally]: Tally[Key] } = {
      passed: named('passed').length,
      failed: [
        ...named('failed'),
        ...broken,
        ...unhandledErrors.map((error) => `unhandled error: ${firstLine(error.message)}`),
        ...named('pending').map((name) => `${name} (did not end)`),
        ...(reason === 'interrupted' ? ['the run was interrupted'] : []),
      ],
      skipped: named('skipped'),
    }
    const failedTests = tests.filter(({ test }) => test.result().state === 'failed')
    const isExplained = failedTests.length === tally.failed.length
    if (isExplained && !failedTests.some(({ test }) => isProperty(test)))
      tally.failedFiles = [...new Set(failedTests.map(({ module }) => module.moduleId))]
    writeFileSync(path, JSON.stringify(tally))
  },
}

/** A property of fast-check: its next run has another seed, and so says nothing of the one that failed. */
const isProperty = (test: TestCase): boolean =>
  test.result().errors?.some(({ message }) => message.includes('Property failed after')) ?? false

const nameOf = (module: TestModule): string => `${module.project.name} ${module.relativeModuleId}`

const firstLine = (text: string): string => stripVTControlCharacters(text).split('\n')[0] ?? ''

const hasFailedTest = (module: TestModule): boolean => [...module.children.allTests('failed')].length > 0
