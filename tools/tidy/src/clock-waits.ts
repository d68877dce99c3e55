import ts from 'typescript'
import { lineOf, nodesOf, parse } from './code.ts'
import { sourcesOf, type File, type Tree, type Violation } from './tree.ts'

const clockRead = /\b(?:performance|Date)\.now\(\)/
const waits = /(?:^|\.)(?:eventually|until|waitFor|waitUntil|poll)$/
const inSeconds = /\/ 1_?000\b/
const shortestBoundMs = 1_000

const problemOf = (node: ts.Node): string | undefined => {
  if (!ts.isCallExpression(node)) return undefined
  if (waits.test(node.expression.getText())) {
    const [condition] = node.arguments
    return condition !== undefined && ts.isArrowFunction(condition) && isClockOnly(condition.body)
      ? 'waits for the clock alone, which is a sleep: wait for a condition, or drive the clock'
      : undefined
  }
  const { expression: matcher, arguments: given } = node
  if (!ts.isPropertyAccessExpression(matcher) || !/^toBeLessThan(?:OrEqual)?$/.test(matcher.name.text)) return undefined
  const boundMs = Number(given[0]?.getText().replaceAll('_', ''))
  const value = matcher.expression.getText()
  return clockRead.test(value) && !inSeconds.test(value) && boundMs < shortestBoundMs
    ? `fails on a busy machine: an upper bound of ${boundMs} ms on the wall clock`
    : undefined
}

/** `performance.now() - x > n`, or an `expect` of the like. */
const isClockOnly = (body: ts.ConciseBody): boolean =>
  /^(?:expect\()?\(?(?:performance|Date)\.now\(\)/.test(body.getText()) && !body.getText().includes('&&')

const inFile = (file: File): Violation[] => {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    const problem = problemOf(node)
    return problem === undefined ? [] : [{ path: file.path, line: lineOf(source, node), problem }]
  })
}

/** No test waits until some time has passed, or fails when less than a second was too short. */
export const noClockWaits = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /\.test\.ts$/.test(path))
    .flatMap(inFile)
