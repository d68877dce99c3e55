import { type Finding, type Problem, problemLine, readYaml } from '@armature/config/yaml-file'
import * as z from 'zod'
import { nearest } from '@armature/config/nearest'
import { rulesForm, type Rule } from './rules.ts'
import { ruleTestsForm } from './rule-test-form.ts'
import { summaryFields, unknownFields } from './summary.ts'

/** The form of a rules file. */
export const rulesFileForm = z.strictObject({
  $schema: z.string().optional(),
  rules: rulesForm,
  tests: ruleTestsForm.optional().meta({ description: 'Cases for `alert-monitor test`' }),
})
export type RulesFile = z.output<typeof rulesFileForm>

export type ReadRules =
  | { readonly file: RulesFile; readonly problems: readonly Problem[] }
  | { readonly file: undefined; readonly problems: readonly Problem[] }

/** Reads a file of rules: YAML 1.2, of which JSON is a part. Never throws: all that is wrong is in `problems`, in the order of the lines. */
export const readRulesFile = (source: string): ReadRules => {
  const inspect = (file: RulesFile) => [...repeatedNames(file), ...oddSummaries(file)]
  const { value, problems } = readYaml(source, { schema: rulesFileForm, inspect })
  return { file: value, problems }
}

/** A rules file that cannot be used, with everything that is wrong with it. */
export class RulesError extends Error {
  override readonly name = 'RulesError'
  readonly problems: readonly Problem[]

  /** `source` names the file. */
  constructor(source: string, problems: readonly Problem[]) {
    super(
      `${problems.length} fault(s) in the rules\n${problems.map((each) => `  ${problemLine(source, each)}`).join('\n')}`,
    )
    this.problems = problems
  }
}

/** The rules of a file's text. Throws RulesError with all faults; `source` names the file in it. */
export const parseRules = (text: string, source: string): readonly Rule[] => {
  const { file, problems } = readRulesFile(text)
  if (file === undefined) throw new RulesError(source, problems)
  return file.rules
}

/** The schema of the file as JSON schema, for editors. */
export const rulesJsonSchema = (): Record<string, unknown> => ({
  title: 'Rules of the alert-monitor',
  ...z.toJSONSchema(rulesFileForm, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' }),
})

const repeatedNames = ({ rules }: RulesFile): Finding[] =>
  rules.flatMap(({ name }, place) => {
    const isRepeated = rules.slice(0, place).some((earlier) => earlier.name === name)
    return isRepeated ? [{ path: ['rules', place, 'name'], text: 'is the name of an earlier rule' }] : []
  })

const oddSummaries = ({ rules }: RulesFile): Finding[] =>
  rules.flatMap(({ summary = '' }, place) =>
    unknownFields(summary).map((field) => {
      const meant = nearest(field, summaryFields)
      const text = `has {${field}}, which stays as it is${meant === undefined ? '' : `: did you mean {${meant}}?`}`
      return { path: ['rules', place, 'summary'], text, isWarning: true }
    }),
  )
