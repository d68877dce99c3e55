import { choice, text } from '@armature/config/settings'
import { type Problem, problemLine } from '@armature/config/yaml-file'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { inspectAlertsConfig } from '../dispatch/alerts-config.ts'
import { alertsConfigSchema } from '../dispatch/alerts-config-schema.ts'
import { inspectRulesFile, loadRulesFile } from './load-rules-file.ts'
import { runRuleTest } from './rule-test.ts'
import { rulesJsonSchema } from './rules-file.ts'

const failed = 1

const checkConfig = command({
  summary: 'Check a file of rules, or of routes and receivers: each problem with its line and column',
  positionals: { usage: 'FILE...', min: 1, max: 100 },
  settings: z.object({
    format: choice(['text', 'json']).default('text').meta({ description: 'How the problems are printed' }),
  }),
  run: async ({ format }, { positionals, stdout, stderr }) => {
    let errors = 0
    for (const path of positionals) {
      const { kind, problems } = await inspectFile(path)
      errors += problems.filter(({ isWarning }) => !isWarning).length
      for (const problem of problems)
        stdout.write(`${format === 'json' ? JSON.stringify({ file: path, ...problem }) : problemLine(path, problem)}\n`)
      if (kind !== undefined) stderr.write(`${path}: ${kind}, no error\n`)
    }
    return errors > 0 ? exitCodes.config : exitCodes.ok
  },
})

/** What a file holds, undefined where it is faulty. One whose keys are those of an alert configuration is read as such. */
const inspectFile = async (
  path: string,
): Promise<{ readonly kind: string | undefined; readonly problems: readonly Problem[] }> => {
  const { file, problems, text: source } = await inspectRulesFile(path)
  if (!problems.some((problem) => problem.path in alertsConfigSchema.shape))
    return { kind: file && `${file.rules.length} rules`, problems }
  const { value, ...alerts } = inspectAlertsConfig(source)
  return { kind: value && `${value.receivers.length} receivers`, ...alerts }
}

const test = command({
  summary: 'Run the tests of a file of rules, on a clock of their own',
  positionals: { usage: 'FILE...', min: 1, max: 100 },
  settings: z.object({
    name: text().optional().meta({ description: 'Only tests whose name has this text', short: 't' }),
  }),
  run: async ({ name: wanted = '' }, { positionals, stdout, stderr }) => {
    let passed = 0
    let failures = 0
    for (const path of positionals) {
      const { rules, tests = [] } = await loadRulesFile(path)
      for (const each of tests.filter(({ name }) => name.includes(wanted))) {
        const problems = runRuleTest(rules, each)
        if (problems.length === 0) passed += 1
        else failures += 1
        stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${each.name}\n`)
        for (const problem of problems) stdout.write(`       ${problem}\n`)
      }
    }
    stderr.write(`${passed} passed, ${failures} failed\n`)
    if (passed + failures === 0)
      throw new ServiceError('no test was run', {
        exitCode: exitCodes.usage,
        fix: wanted === '' ? 'Add `tests` to the file' : 'Give a part of a name to --name',
      })
    return failures === 0 ? exitCodes.ok : failed
  },
})

const schema = command({
  summary: 'Print the JSON schema of a file of rules, for editors',
  settings: z.object({}),
  run: async (_, { stdout }) => {
    stdout.write(`${JSON.stringify(rulesJsonSchema(), null, 2)}\n`)
    return exitCodes.ok
  },
})

/** The subcommands for files of rules. */
export const ruleCommands: Readonly<Record<string, Command>> = { 'check-config': checkConfig, test, schema }
