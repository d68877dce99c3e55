import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { RulesError, readRulesFile, type ReadRules, type RulesFile } from './rules-file.ts'
import { readRulesText } from './rules-source.ts'

const fix = 'Correct the file (--rules, env RULES_FILE); `alert-monitor check-config FILE` checks it'

/** Reads a rules file, with all that is wrong with it. Rejects with ServiceError where it cannot be read. */
export const inspectRulesFile = async (path: string): Promise<ReadRules & { readonly text: string }> => {
  const found = await readRulesText(path)
  if ('problem' in found)
    throw new ServiceError(`the rules file ${path} ${found.problem}`, { exitCode: exitCodes.config, fix })
  return { ...readRulesFile(found.text), text: found.text }
}

/** Reads a rules file that must be good. Rejects with ServiceError, which lists all that is wrong with it. */
export const loadRulesFile = async (path: string): Promise<RulesFile & { readonly text: string }> => {
  const { file, problems, text } = await inspectRulesFile(path)
  if (file === undefined)
    throw new ServiceError(new RulesError(path, problems).message, { exitCode: exitCodes.config, fix })
  return { ...file, text }
}
