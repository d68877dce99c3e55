import { readFile, stat } from 'node:fs/promises'
import type { Cancel, Clock } from '@armature/async/clock'
import { maxYamlBytes, problemLine, type Problem } from '@armature/config/yaml-file'
import { readRulesFile } from './rules-file.ts'
import type { Rule } from './rules.ts'

export interface RulesSourceOptions {
  readonly path: string
  readonly clock: Pick<Clock, 'after'>
  /** How often the content is looked at. */
  readonly pollMs: number
  /** New rules, which are good. */
  readonly onRules: (rules: readonly Rule[]) => void
  /** The file has changed and cannot be used, with all its problems, a line each. The rules before it go on. */
  readonly onRefused: (problems: readonly string[]) => void
}

/** The rules of a file, followed while it changes. */
export interface RulesSource {
  /** Reads the file now and takes what it holds at once. */
  reload(): Promise<void>
  close(): void
}

export type RulesText = { readonly text: string } | { readonly problem: string }

/** The text of a rules file, or why it cannot be read. */
export const readRulesText = async (path: string): Promise<RulesText> => {
  try {
    const { size } = await stat(path)
    if (size > maxYamlBytes) return { problem: `is longer than ${maxYamlBytes} bytes` }
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    return { problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/**
 * Follows a file whose text, at the start, is `text`. The content is compared, not its time or inode: so a file that is replaced, a link that is
 * changed (as Kubernetes does with a ConfigMap) and a share without notices are all seen. A change counts once two looks in a row find
 * the same, so that a file which is still being written is left alone.
 */
export const followRules = (text: string, options: RulesSourceOptions): RulesSource => {
  const { path, clock, pollMs, onRules, onRefused } = options
  /** What was taken or refused last. */
  let settled = keyOf({ text })
  let seen = settled
  let closed = false
  let cancel: Cancel = () => undefined

  const take = (found: RulesText) => {
    settled = keyOf(found)
    seen = settled
    if ('problem' in found) return onRefused([`${path} ${found.problem}`])
    const { file, problems } = readRulesFile(found.text)
    if (file === undefined) onRefused(problems.map((each: Problem) => problemLine(path, each)))
    else onRules(file.rules)
  }

  const look = async () => {
    const found = await readRulesText(path)
    if (closed) return
    const key = keyOf(found)
    if (key !== settled && key === seen) take(found)
    seen = key
    poll()
  }

  const poll = () => {
    cancel = clock.after(pollMs, () => void look())
  }
  poll()

  return {
    reload: async () => {
      const found = await readRulesText(path)
      if (!closed) take(found)
    },
    close: () => {
      closed = true
      cancel()
    },
  }
}

const keyOf = (found: RulesText): string => ('text' in found ? `text ${found.text}` : `problem ${found.problem}`)
