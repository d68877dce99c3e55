import ts from 'typescript'
import { lineOf, nodesOf, parse } from './code.ts'
import { sourcesOf, type File, type Tree, type Violation } from './tree.ts'

export const maxFunctionLines = 100

/** A function of a source: what a reader would call it, and the lines from its first to its last. */
export type FunctionLength = {
  readonly path: string
  readonly line: number
  readonly name: string
  readonly lines: number
}

/** No function is longer than `maxFunctionLines`. */
export const shortFunctions = (tree: Tree): Violation[] =>
  functionLengths(tree)
    .filter(({ lines }) => lines > maxFunctionLines)
    .map(({ path, line, name, lines }) => ({
      path,
      line,
      problem: `${name} has ${lines} lines, ${maxFunctionLines} are allowed: which part of it has a name?`,
    }))

/** The length of every function, with the closures in it. A `describe` is a list of tests: its lines count nowhere. */
export const functionLengths = (tree: Tree): FunctionLength[] => sourcesOf(tree).flatMap(inFile)

const inFile = (file: File): FunctionLength[] => {
  const source = parse(file)
  return [...nodesOf(source)].filter(isFunctionWithBody).flatMap((node) => {
    if (isSuite(node)) return []
    const lines = linesOf(source, node) - linesOfSuites(source, node)
    return [{ path: file.path, line: lineOf(source, node), name: nameOf(node), lines }]
  })
}

const isFunctionWithBody = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

const linesOf = (source: ts.SourceFile, node: ts.Node): number =>
  source.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(source, node)

/** `describe('...', () => {})`, also `describe.each(...)('...', () => {})`. */
const isSuite = (node: ts.Node): boolean =>
  ts.isCallExpression(node.parent) &&
  node.parent.expression !== node &&
  /^describe\b/.test(node.parent.expression.getText())

/** The lines of the outermost suites below a node. */
const linesOfSuites = (source: ts.SourceFile, node: ts.Node): number => {
  let lines = 0
  ts.forEachChild(node, (child) => {
    lines += isFunctionWithBody(child) && isSuite(child) ? linesOf(source, child) : linesOfSuites(source, child)
  })
  return lines
}

/** The name of a function, or that of what it is given to. */
const nameOf = (node: ts.SignatureDeclaration): string => {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  if (node.name !== undefined) return node.name.getText()
  for (let around: ts.Node = node.parent; !ts.isSourceFile(around); around = around.parent) {
    if (ts.isVariableDeclaration(around) || ts.isPropertyAssignment(around)) return around.name.getText()
    if (ts.isCallExpression(around))
      return `an argument of ${around.expression.getText().split('\n')[0]?.slice(0, 40) ?? ''}`
  }
  return 'a function'
}
