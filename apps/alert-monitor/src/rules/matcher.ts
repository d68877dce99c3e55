import type { Sample } from '../collect/sample.ts'
import type { Part } from './judge.ts'
import { matches, tagsMatch } from './pattern.ts'
import type { Rule } from './rules.ts'
import { detached } from './window.ts'

/** A rule that looks at a series, and as which part. */
export interface Match {
  readonly rule: Rule
  readonly part: Part
}

/** The rules that look at a series. */
export type Matcher = (series: Pick<Sample, 'name' | 'tags'>) => readonly Match[]

/** The rules that may look at a series, by its name alone. */
interface NameMatches {
  readonly all: readonly Match[]
  /** Some of them look at the tags. */
  readonly asksTags: boolean
}

/** Names whose rules are remembered, to match patterns once a name. */
const maxKnownNames = 10_000

/** Finds rules by name and tags; a name is matched once. */
export const createMatcher = (rules: readonly Rule[]): Matcher => {
  const known = new Map<string, NameMatches>()

  const byName = (name: string): NameMatches => {
    const held = known.get(name)
    if (held !== undefined) return held
    const all = rules.flatMap((rule) => partsFor(rule, name).map((part) => ({ rule, part })))
    const found = { all, asksTags: all.some((match) => Object.keys(whereOf(match)).length > 0) }
    if (known.size >= maxKnownNames) known.clear()
    known.set(detached(name), found)
    return found
  }

  return ({ name, tags }) => {
    const { all, asksTags } = byName(name)
    return asksTags ? all.filter((match) => tagsMatch(whereOf(match), tags)) : all
  }
}

const partsFor = (rule: Rule, name: string): readonly Part[] => [
  ...(matches(rule.metric, name) ? (['value'] as const) : []),
  ...(rule.type === 'ratio' && rule.denominator === name ? (['denominator'] as const) : []),
]

const whereOf = ({ rule, part }: Match): Rule['where'] =>
  rule.type === 'ratio' && part === 'denominator' ? rule.denominatorWhere : rule.where
