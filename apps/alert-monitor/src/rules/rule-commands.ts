import type { Problem } from '@armature/config/yaml-file'
import type { Command } from '@armature/service/command'
import { fileCheckCommand, fileTestCommand, schemaCommand } from '@armature/service/file-commands'
import { inspectAlertsConfig } from '../dispatch/alerts-config.ts'
import { alertsConfigSchema } from '../dispatch/alerts-config-schema.ts'
import { inspectRulesFile, loadRulesFile } from './load-rules-file.ts'
import { runRuleTest } from './rule-test.ts'
import { rulesJsonSchema } from './rules-file.ts'

const checkConfig = fileCheckCommand({
  summary: 'Check a file of rules, or of routes and receivers: each problem with its line and column',
  check: async (path) => {
    const { kind, problems } = await inspectFile(path)
    return { problems, good: kind && `${path}: ${kind}, no error` }
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

const test = fileTestCommand({
  summary: 'Run the tests of a file of rules, on a clock of their own',
  fix: 'Add `tests` to the file',
  testsOf: async (path) => {
    const { rules, tests = [] } = await loadRulesFile(path)
    return tests.map((each) => ({ title: each.name, run: () => runRuleTest(rules, each) }))
  },
})

const schema = schemaCommand('Print the JSON schema of a file of rules, for editors', rulesJsonSchema)

/** The subcommands for files of rules. */
export const ruleCommands: Readonly<Record<string, Command>> = { 'check-config': checkConfig, test, schema }
