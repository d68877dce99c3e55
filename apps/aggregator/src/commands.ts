import { url } from '@armature/config/settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { fileCheckCommand, fileTestCommand, schemaCommand } from '@armature/service/file-commands'
import * as z from 'zod'
import { settings } from './config.ts'
import { readPipelines } from './pipeline-file.ts'
import { pipelineJsonSchema } from './pipeline-schema.ts'
import { runCase } from './pipeline-test.ts'
import { pipelineFile, planOf, sourceOf } from './pipelines.ts'

const lint = fileCheckCommand({
  summary: 'Check a file of pipelines: each problem with its line and column',
  check: async (path) => readPipelines(await sourceOf(path)),
  allGood: (files) => `${files === 1 ? '1 file' : `${files} files`}, no error`,
})

/** The bounds of a case are the defaults of the settings. */
const defaults = settings.parse({})

const test = fileTestCommand({
  summary: 'Run the tests of a file of pipelines, without a broker and without a sink',
  fix: 'Add `tests` to a pipeline of the file',
  testsOf: async (path) =>
    (await pipelineFile(path)).pipelines.flatMap((entry) =>
      (entry.tests ?? []).map((testCase) => ({
        title: `${entry.name}: ${testCase.name}`,
        run: () => runCase(planOf(entry, defaults), testCase),
      })),
    ),
})

const schema = schemaCommand('Print the JSON schema of a file of pipelines, for editors', pipelineJsonSchema)

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
