import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartFiles, readCharts } from '@armature/charts/chart-files'
import { contractFiles } from '@armature/contract/contract-files'
import { readDeclared } from '@armature/contract/declared'
import { platformValuesPage } from '@armature/charts/platform-values'
import { withTable } from '@armature/tidy/tables'
import { readTree, treeOf } from '@armature/tidy/tree'
import { tablesOf } from '@armature/tidy/workspace'
import type { Tree } from '@nx/devkit'
import { formatChanges } from './format-changes.ts'
import { withStaging } from './staging.ts'

const valuesYaml = 'helm/platform/values.yaml'

/** Writes to the tree what `npm run tables` would write once it is on the disk: tables in documents, and the charts. */
export const writeTables = async (tree: Tree): Promise<void> => {
  await formatChanges(tree)
  await withStaging(tree, async (root) => {
    await writeDocuments(tree, root)
    for (const chart of await readCharts(root))
      for (const [path, text] of Object.entries(await chartFiles(chart)))
        write(tree, `helm/${chart.facts.name}/${path}`, text)
    await writeContracts(tree, root)
    if (tree.exists(valuesYaml))
      write(tree, 'helm/platform/values.md', await platformValuesPage(readFileSync(join(root, valuesYaml), 'utf8')))
  })
  await formatChanges(tree)
}

const writeContracts = async (tree: Tree, root: string): Promise<void> => {
  for (const [path, text] of Object.entries(await contractFiles(root, await readDeclared(root))))
    if (text !== undefined) write(tree, path, text)
    else if (tree.exists(path)) tree.delete(path)
}

const writeDocuments = async (tree: Tree, root: string): Promise<void> => {
  const files = new Map(readTree(tree.root).files.map(({ path, text }) => [path, text]))
  for (const { path, type, content } of tree.listChanges()) {
    if (type !== 'DELETE') files.set(path, content?.toString() ?? '')
    else for (const each of files.keys()) if (each === path || each.startsWith(`${path}/`)) files.delete(each)
  }
  const written = new Map<string, string>()
  for (const table of await tablesOf(root)(treeOf(Object.fromEntries(files)))) {
    const before = written.get(table.readme) ?? files.get(table.readme) ?? ''
    const after = withTable(before, table)
    if (after === undefined) throw new Error(`${table.readme} has no table with the heading ${table.heading}`)
    written.set(table.readme, after)
  }
  for (const [path, text] of written) if (isOther(text, files.get(path) ?? '')) tree.write(path, text)
}

const write = (tree: Tree, path: string, text: string): void => {
  if (tree.read(path, 'utf8') !== text) tree.write(path, text)
}

/** The padding of cells is for the formatter. */
const isOther = (one: string, other: string): boolean => plain(one) !== plain(other)

const plain = (text: string): string => text.replaceAll(/[ \t]+/g, ' ').replaceAll(/-{3,}/g, '---')
