import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file of the workspace: its path from the root with `/`, and its text. */
export type File = { readonly path: string; readonly text: string }

/** The files that rules look at. Rules never read the disk, so that a test can show them a tree of its own. */
export type Tree = {
  readonly files: readonly File[]
  /** The text of a file, or undefined. */
  text(path: string): string | undefined
}

/** A place that breaks a rule. */
export type Violation = { readonly path: string; readonly line?: number; readonly problem: string }

const generatedFolders = new Set(['node_modules', 'dist', 'out-tsc', 'coverage', '.nx', '.git', '.vite', '.next'])
const maxTextBytes = 1_000_000
const textNames =
  /\.(ts|mts|cts|js|mjs|cjs|json|jsonc|md|yaml|yml|toml|html|css|sql|proto|sh|txt|tpl)$|^[^.]+$|^\.[a-z]+(rc|config|ignore)?$/

/** A tree of these files, for tests. */
export const treeOf = (files: Readonly<Record<string, string>>): Tree =>
  fromFiles(Object.entries(files).map(([path, text]) => ({ path, text })))

/** All files below a folder, without what is generated. Files that are no text have an empty one. */
export const readTree = (root: string): Tree => {
  const found: File[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && !generatedFolders.has(entry.name)) walk(path)
      if (entry.isFile()) found.push({ path, text: textOf(root, path, entry.name) })
    }
  }
  walk('')
  return fromFiles(found.sort((a, b) => (a.path < b.path ? -1 : 1)))
}

const textOf = (root: string, path: string, name: string): string =>
  textNames.test(name) && statSync(join(root, path)).size <= maxTextBytes ? readFileSync(join(root, path), 'utf8') : ''

const fromFiles = (files: readonly File[]): Tree => {
  const byPath = new Map(files.map(({ path, text }) => [path, text]))
  return { files, text: (path) => byPath.get(path) }
}

/** The folders of projects: those with a package.json below apps, libs, tools or examples. */
export const projectsOf = (tree: Tree, kinds = 'apps|libs|tools|examples'): string[] =>
  tree.files.flatMap(({ path }) => new RegExp(`^((?:${kinds})/[^/]+)/package\\.json$`).exec(path)?.[1] ?? [])

/** Files below a folder. */
export const below = (tree: Tree, folder: string): readonly File[] =>
  tree.files.filter(({ path }) => path.startsWith(`${folder}/`))

/** Whether this is a test, stands beside tests, or is a suite that the tests of other files call. */
export const isTest = (path: string): boolean =>
  /\.test\.ts$/.test(path) || /^[^/]+\/[^/]+\/test\//.test(path) || /\/(conformance|testing)(-[a-z-]+)?\.ts$/.test(path)

/** Sources in TypeScript, without declarations and what a program generates. */
export const sourcesOf = (tree: Tree): readonly File[] =>
  tree.files.filter(({ path }) => /\.ts$/.test(path) && !/\.d\.ts$|\.generated\.ts$/.test(path))
