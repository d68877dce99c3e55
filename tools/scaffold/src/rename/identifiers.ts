import ts from 'typescript'
import type { IsIdentifier } from './forms.ts'

const isCode = /\.(?:ts|mts|cts|js|mjs|cjs)$/

/** Tells the identifiers of a source from its texts and comments. Other files have none. */
export const identifiersOf = (path: string, text: string, name: string): IsIdentifier => {
  if (!isCode.test(path) || !new RegExp(`(?:^|[^'"\`/@\\w-])${name}\\b`).test(text)) return () => false
  const offsets = new Set<number>()
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext)
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const start = node.getStart(source)
      const at = text.slice(start, node.end).indexOf(name)
      if (at !== -1) offsets.add(start + at)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return (offset) => offsets.has(offset)
}
