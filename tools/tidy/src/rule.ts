import { type Tree, type Violation } from './tree.ts'

/** A rule of STYLE.md. */
export type Rule = {
  /** The words in bold in STYLE.md, without the full stop. */
  readonly title: string
  readonly check: (tree: Tree) => readonly Violation[] | Promise<readonly Violation[]>
}

/** `path:line problem`, as an editor can follow it. */
export const describeViolation = ({ path, line, problem }: Violation): string =>
  line === undefined ? `${path}: ${problem}` : `${path}:${line}: ${problem}`
