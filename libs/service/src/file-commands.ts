import { choice, text } from '@armature/config/settings'
import { type Problem, problemLine } from '@armature/config/yaml-file'
import * as z from 'zod'
import { command, type Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { ServiceError } from './faults.ts'

const failed = 1
const positionals = { usage: 'FILE...', min: 1, max: 100 }

/** A test that stands in a file. */
export interface FileTest {
  readonly title: string
  /** Runs it. What is wrong, a line each; empty where it passes. */
  run(): readonly string[] | Promise<readonly string[]>
}

export interface FileTestOptions {
  /** One line for `--help`. */
  readonly summary: string
  /** What to do about files without a test. */
  readonly fix: string
  /** The tests of a file. Rejects for one that cannot be used. */
  testsOf(path: string): Promise<readonly FileTest[]>
}

/** The command `test FILE...`: runs the tests that stand in files, and exits with 0, with 1 where one fails, with 64 where none was run. */
export const fileTestCommand = ({ summary, fix, testsOf }: FileTestOptions): Command =>
  command({
    summary,
    positionals,
    settings: z.object({
      name: text().optional().meta({ description: 'Only tests whose name has this text', short: 't' }),
    }),
    run: async ({ name: wanted = '' }, { positionals: paths, stdout, stderr }) => {
      let [passed, failures] = [0, 0]
      for (const path of paths) {
        for (const { title, run } of await testsOf(path)) {
          if (!title.includes(wanted)) continue
          const problems = await run()
          if (problems.length === 0) passed += 1
          else failures += 1
          stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${title}\n`)
          for (const problem of problems) stdout.write(`       ${problem}\n`)
        }
      }
      stderr.write(`${passed} passed, ${failures} failed\n`)
      if (passed + failures === 0)
        throw new ServiceError('no test was run', {
          exitCode: exitCodes.usage,
          fix: wanted === '' ? fix : 'Give a part of a name to --name',
        })
      return failures === 0 ? exitCodes.ok : failed
    },
  })

export interface FileCheckOptions {
  /** One line for `--help`. */
  readonly summary: string
  /** What is wrong with a file, and what to say of one that has no error (nothing where undefined). */
  check(path: string): Promise<{ readonly problems: readonly Problem[]; readonly good?: string | undefined }>
  /** What to say where no file has an error. */
  readonly allGood?: (files: number) => string
}

/** The command that checks files: prints each problem with its line and column, and exits with 0, or with 78 where one is an error. */
export const fileCheckCommand = ({ summary, check, allGood }: FileCheckOptions): Command =>
  command({
    summary,
    positionals,
    settings: z.object({
      format: choice(['text', 'json']).default('text').meta({ description: 'How the problems are printed' }),
    }),
    run: async ({ format }, { positionals: paths, stdout, stderr }) => {
      let errors = 0
      for (const path of paths) {
        const { problems, good } = await check(path)
        errors += problems.filter(({ isWarning }) => !isWarning).length
        for (const problem of problems) {
          const line = format === 'json' ? JSON.stringify({ file: path, ...problem }) : problemLine(path, problem)
          stdout.write(`${line}\n`)
        }
        if (good !== undefined) stderr.write(`${good}\n`)
      }
      if (errors > 0) return exitCodes.config
      if (allGood !== undefined) stderr.write(`${allGood(paths.length)}\n`)
      return exitCodes.ok
    },
  })

/** The command `schema`: prints a JSON schema, for editors. */
export const schemaCommand = (summary: string, schema: () => object): Command =>
  command({
    summary,
    settings: z.object({}),
    run: async (_, { stdout }) => {
      stdout.write(`${JSON.stringify(schema(), null, 2)}\n`)
      return exitCodes.ok
    },
  })
