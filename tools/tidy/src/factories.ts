import ts from 'typescript'
import { lineOf, parse } from './code.ts'
import { isTest, sourcesOf, type File, type Tree, type Violation } from './tree.ts'

/** `openX` does I/O, may reject, and so returns a promise. `createX` does none and returns at once. */
export const factoryNames = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /^(apps|libs|examples)\/[^/]+\/src\//.test(path) && !isTest(path))
    .flatMap(inFile)

const inFile = (file: File): Violation[] => {
  const source = parse(file)
  return source.statements.flatMap(functionsOf).flatMap(({ name, node }) => {
    const problem = problemOf(name, isPromised(node))
    return problem === undefined ? [] : [{ path: file.path, line: lineOf(source, node), problem: `${name} ${problem}` }]
  })
}

type Named = { readonly name: string; readonly node: ts.SignatureDeclaration }

/** The functions that a statement exports. */
const functionsOf = (statement: ts.Statement): Named[] => {
  const isExported =
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  if (isExported !== true) return []
  if (ts.isFunctionDeclaration(statement) && statement.name !== undefined) {
    return [{ name: statement.name.text, node: statement }]
  }
  if (!ts.isVariableStatement(statement)) return []
  return statement.declarationList.declarations.flatMap(({ name, initializer }) =>
    initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))
      ? [{ name: name.getText(), node: initializer }]
      : [],
  )
}

const isPromised = (node: ts.SignatureDeclaration): boolean =>
  (ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword) === true) ||
  /^Promise</.test(node.type?.getText() ?? '')

const problemOf = (name: string, promised: boolean): string | undefined => {
  if (/^open[A-Z]/.test(name) && !promised) return 'returns no promise: what does no I/O is named create'
  if (/^create[A-Z]/.test(name) && promised) return 'returns a promise: what does I/O is named open'
  return undefined
}
