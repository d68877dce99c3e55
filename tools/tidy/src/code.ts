import ts from 'typescript'
import { type File } from './tree.ts'

const parsed = new WeakMap<File, ts.SourceFile>()

/** The syntax tree of a source; parsed once a file. */
export const parse = (file: File): ts.SourceFile => {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext, true)
  parsed.set(file, source)
  return source
}

/** Every node below this one, itself included. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  for (const child of children) yield* nodesOf(child)
}

/** The line of a node, from 1. */
export const lineOf = (source: ts.SourceFile, node: ts.Node): number =>
  source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1

/** The imports of a file, in any form: `import`, `export ... from`, `import()`, a type. */
export const importsOf = (file: File): { readonly name: string; readonly line: number; readonly type: boolean }[] => {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    const found = specifierOf(node)
    return found === undefined ? [] : [{ name: found.name, type: found.type, line: lineOf(source, node) }]
  })
}

const specifierOf = (node: ts.Node): { name: string; type: boolean } | undefined => {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
    if (!ts.isStringLiteral(node.moduleSpecifier)) return undefined
    const type = ts.isImportDeclaration(node) ? isTypeOnly(node.importClause) : node.isTypeOnly
    return { name: node.moduleSpecifier.text, type }
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [name] = node.arguments
    return name !== undefined && ts.isStringLiteralLike(name) ? { name: name.text, type: false } : undefined
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { name: node.argument.literal.text, type: true }
  }
  return undefined
}

/** `import type ...`, or `import { type A, type B }`. */
const isTypeOnly = (clause: ts.ImportClause | undefined): boolean => {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const names = clause.namedBindings
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false
  return names.elements.every((element) => element.isTypeOnly)
}
