import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'
import { importsOf, lineOf, nodesOf, parse } from './code.ts'
import { isTest, sourcesOf, type File, type Tree, type Violation } from './tree.ts'

/** The violations that `find` returns, at the lines of their nodes. */
const eachNode = (file: File, find: (node: ts.Node) => string | undefined): Violation[] => {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    const problem = find(node)
    return problem === undefined ? [] : [{ path: file.path, line: lineOf(source, node), problem }]
  })
}

const modifiersOf = (node: ts.Node): readonly ts.ModifierLike[] =>
  ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []

const isExported = (node: ts.Node): boolean =>
  modifiersOf(node).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

export const noDefaultExports = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => !/\.config\.ts$/.test(path))
    .flatMap((file) =>
      eachNode(file, (node) => {
        const byKeyword = modifiersOf(node).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
        const byName = ts.isExportSpecifier(node) && node.name.text === 'default'
        return byKeyword || byName || ts.isExportAssignment(node) ? 'a default export: give it its name' : undefined
      }),
    )

export const erasableSyntax = (tree: Tree): Violation[] =>
  [...sourcesOf(tree), ...tree.files.filter(({ path }) => /\.generated\.ts$/.test(path))].flatMap((file) =>
    eachNode(file, (node) => {
      if (ts.isEnumDeclaration(node)) return 'an enum: use a union of literals'
      if (ts.isDecorator(node)) return 'a decorator: use a function around it'
      if (ts.isModuleDeclaration(node) && !isDeclared(node)) return 'a namespace: use a file'
      if (ts.isParameter(node) && modifiersOf(node).length > 0) return 'a parameter property: use a factory'
      return undefined
    }),
  )

const isDeclared = (node: ts.Node): boolean =>
  modifiersOf(node).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)

export const importSpecifiers = (tree: Tree): Violation[] =>
  sourcesOf(tree).flatMap((file) =>
    importsOf(file).flatMap(({ name, line }) => {
      const problem = problemOfImport(file.path, name)
      return problem === undefined ? [] : [{ path: file.path, line, problem: `${name}: ${problem}` }]
    }),
  )

const problemOfImport = (path: string, name: string): string | undefined => {
  if (!name.startsWith('.')) {
    return isBuiltin(name) && !name.startsWith('node:') ? 'name a module of Node by node:' : undefined
  }
  if (!/\.(ts|mjs|json)$/.test(name)) return 'name the file as it is, with .ts'
  const project = path.split('/').slice(0, 2).join('/')
  const target = posix.join(posix.dirname(path), name)
  return target.startsWith(`${project}/`) || /^tools\/[^/]+\.mjs$/.test(target)
    ? undefined
    : 'a path into another project: import it by the name of its package'
}

export const documentedFunctions = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /^(apps|libs)\/[^/]+\/src\//.test(path) && !isTest(path))
    .flatMap((file) =>
      eachNode(file, (node) => {
        if (!isExportedFunction(node) || hasDocComment(node)) return undefined
        return 'an exported function without a doc comment: what does it promise?'
      }),
    )

const isExportedFunction = (node: ts.Node): boolean => {
  if (!isExported(node)) return false
  if (ts.isFunctionDeclaration(node)) return true
  return (
    ts.isVariableStatement(node) &&
    node.declarationList.declarations.some(({ initializer }) => initializer !== undefined && isFunction(initializer))
  )
}

const isFunction = (node: ts.Expression): boolean => ts.isArrowFunction(node) || ts.isFunctionExpression(node)

const hasDocComment = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0

export const environmentInConfigOnly = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /^(apps|libs|examples)\//.test(path) && !path.startsWith('libs/config/') && !isTest(path))
    .flatMap((file) =>
      eachNode(file, (node) =>
        ts.isPropertyAccessExpression(node) && /^process\.(env|argv)$/.test(node.getText())
          ? `${node.getText()} outside libs/config: take the value from the config`
          : undefined,
      ),
    )

const stops = new Set(['skip', 'only', 'todo', 'fails'])

export const allTestsRun = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /\.test\.ts$/.test(path))
    .flatMap((file) =>
      eachNode(file, (node) => {
        if (!ts.isPropertyAccessExpression(node) || !stops.has(node.name.text)) return undefined
        const runner = node.expression.getText().split('.')[0] ?? ''
        return ['test', 'it', 'describe', 'suite'].includes(runner)
          ? `${runner}.${node.name.text}: a test that does not run is no test`
          : undefined
      }),
    )

export const noSleepInTests = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /\.test\.ts$/.test(path))
    .flatMap((file) => eachNode(file, (node) => (isSleep(node) ? sleep : undefined)))

const sleep = 'sleeps: wait for a condition with a deadline, or drive the clock'

/** `setTimeout` as a promise, imported or made by hand, and `Atomics.wait`. */
const isSleep = (node: ts.Node): boolean => {
  if (ts.isImportSpecifier(node)) {
    const { moduleSpecifier } = node.parent.parent.parent
    const name = (node.propertyName ?? node.name).text
    return moduleSpecifier.getText().includes('timers/promises') && ['setTimeout', 'scheduler'].includes(name)
  }
  if (ts.isCallExpression(node) && node.expression.getText() === 'Atomics.wait') return true
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'Promise') return false
  const [executor] = node.arguments ?? []
  if (executor === undefined || !(ts.isArrowFunction(executor) || ts.isFunctionExpression(executor))) return false
  const resolve = executor.parameters[0]?.name.getText()
  return [...nodesOf(executor.body)].some(
    (inner) =>
      ts.isCallExpression(inner) &&
      /^(globalThis\.)?setTimeout$/.test(inner.expression.getText()) &&
      new RegExp(`^(${resolve}$|\\(.*\\) => ${resolve}\\()`).test(inner.arguments[0]?.getText() ?? ''),
  )
}
