import { choice, text, url } from '@armature/config/settings'
import { problemLine } from '@armature/config/yaml-file'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { settings } from './config.ts'
import { readPipelines } from './pipeline-file.ts'
import { pipelineJsonSchema } from './pipeline-schema.ts'
import { runCase } from './pipeline-test.ts'
import { pipelineFile, planOf, sourceOf } from './pipelines.ts'

const failed = 1

const lint = command({
  summary: 'Check a file of pipelines: each problem with its line and column',
  positionals: { usage: 'FILE...', min: 1, max: 100 },
  settings: z.object({
    format: choice(['text', 'json']).default('text').meta({ description: 'How the problems are printed' }),
  }),
  run: async ({ format }, { positionals, stdout, stderr }) => {
    let errors = 0
    for (const file of positionals) {
      const { problems } = readPipelines(await sourceOf(file))
      errors += problems.filter(({ isWarning }) => !isWarning).length
      for (const problem of problems) {
        const line = format === 'json' ? JSON.stringify({ file, ...problem }) : problemLine(file, problem)
        stdout.write(`${line}\n`)
      }
    }
    if (errors > 0) return exitCodes.config
    stderr.write(`${positionals.length === 1 ? '1 file' : `${positionals.length} files`}, no error\n`)
    return exitCodes.ok
  },
})

/** The bounds of a case are the defaults of the settings. */
const defaults = settings.parse({})

const test = command({
  summary: 'Run the tests of a file of pipelines, without a broker and without a sink',
  positionals: { usage: 'FILE...', min: 1, max: 100 },
  settings: z.object({
    name: text().optional().meta({ description: 'Only tests whose name has this text', short: 't' }),
  }),
  run: async ({ name: wanted = '' }, { positionals, stdout, stderr }) => {
    let passed = 0
    let failures = 0
    for (const file of positionals) {
      for (const entry of (await pipelineFile(file)).pipelines) {
        for (const testCase of entry.tests ?? []) {
          const title = `${entry.name}: ${testCase.name}`
          if (!title.includes(wanted)) continue
          const problems = await runCase(planOf(entry, defaults), testCase)
          if (problems.length === 0) passed++
          else failures++
          stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${title}\n`)
          for (const problem of problems) stdout.write(`       ${problem}\n`)
        }
      }
    }
    stderr.write(`${passed} passed, ${failures} failed\n`)
    if (passed + failures === 0)
      throw new ServiceError('no test was run', {
        exitCode: exitCodes.usage,
        fix: wanted === '' ? 'Add `tests` to a pipeline of the file' : 'Give a part of a name to --name',
      })
    return failures === 0 ? exitCodes.ok : failed
  },
})

const schema = command({
  summary: 'Print the JSON schema of a file of pipelines, for editors',
  settings: z.object({}),
  run: async (_, { stdout }) => {
    stdout.write(`${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
    return exitCodes.ok
  },
})

const flush = command({
  summary: 'Complete all open groups of a running aggregator now',
  settings: z.object({
    adminUrl: url(['http', 'https']).meta({ description: 'Its admin HTTP server, http://HOST:PORT, as it prints it' }),
  }),
  run: async ({ adminUrl }, { stdout, signal }) => {
    const target = new URL('/flush', adminUrl)
    try {
      const response = await fetch(target, {
        method: 'POST',
        signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
      })
      const answer = await response.text()
      if (!response.ok) throw new Error(`it answered ${response.status}: ${answer.trim().slice(0, 200)}`)
      stdout.write(answer)
      return exitCodes.ok
    } catch (cause) {
      throw new ServiceError(`no group was completed at ${target.origin}`, {
        exitCode: exitCodes.unavailable,
        fix: 'Give the admin address that the aggregator printed to --admin-url',
        cause,
      })
    }
  },
})

/** The subcommands of the aggregator. */
export const commands = (): Readonly<Record<string, Command>> => ({ lint, test, schema, flush })
