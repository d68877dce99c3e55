import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Tree } from '@nx/devkit'

const groups = ['apps', 'libs', 'tools', 'examples', 'helm', 'contracts']
const files = ['package.json', 'tsconfig.base.json', '.prettierrc.json', 'README.md']

/**
 * Shows the tree to programs that read the disk: a folder below `.nx` that looks like the workspace, where what the tree changes is as it changes
 * it. Packages are found there, since the folder is inside of the workspace. It is removed when `work` has ended.
 */
export const withStaging = async <Result>(tree: Tree, work: (root: string) => Promise<Result>): Promise<Result> => {
  mkdirSync(join(tree.root, '.nx'), { recursive: true })
  const staged = mkdtempSync(join(tree.root, '.nx/scaffold-'))
  try {
    const changed = new Set(tree.listChanges().map(({ path }) => path))
    for (const file of files) stage(tree, staged, file, changed)
    for (const group of groups) {
      mkdirSync(join(staged, group))
      const onDisk = existsSync(join(tree.root, group)) ? readdirSync(join(tree.root, group)) : []
      for (const name of new Set([...onDisk, ...tree.children(group)])) stage(tree, staged, join(group, name), changed)
    }
    return await work(staged)
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
}

const isGenerated = (name: string): boolean => /^(node_modules|dist|out-tsc|coverage)$/.test(name)

/** What the tree leaves alone is a link to the workspace; what it changes is a copy. */
const stage = (tree: Tree, staged: string, path: string, changed: ReadonlySet<string>): void => {
  if (isGenerated(path.split('/').at(-1) ?? '')) return
  const source = join(tree.root, path)
  // A glob does not look into links, so projects and charts are folders.
  const isProject = path.split('/').length === 2 && tree.exists(path) && !tree.isFile(path)
  const isChanged = isProject || [...changed].some((each) => each === path || each.startsWith(`${path}/`))
  if (!isChanged) {
    if (tree.exists(path) || lstatSync(source, { throwIfNoEntry: false })?.isSymbolicLink())
      symlinkSync(source, join(staged, path))
    return
  }
  if (!tree.exists(path)) return
  if (tree.isFile(path)) {
    mkdirSync(dirname(join(staged, path)), { recursive: true })
    writeFileSync(join(staged, path), tree.read(path) ?? '')
    return
  }
  mkdirSync(join(staged, path), { recursive: true })
  for (const name of tree.children(path)) stage(tree, staged, join(path, name), changed)
}
