import type { Tree } from '@nx/devkit'

const path = 'tsconfig.json'

/** Adds a project to the references of the root, as `nx sync` does. The rest of the file keeps its form. */
export const addReference = (tree: Tree, folder: string): void => {
  const text = tree.read(path, 'utf8') ?? ''
  if (text.includes(entry(folder))) return
  tree.write(
    path,
    text.replace(/\n(\s*)\]\s*\}\s*$/, (end, indent: string) => `,\n${indent}${indent}${entry(folder)}${end}`),
  )
}

/** Removes a project from the references of the root. */
export const removeReference = (tree: Tree, folder: string): void => {
  const text = tree.read(path, 'utf8') ?? ''
  const [before = '', after] = text.split(entry(folder))
  if (after === undefined) return
  const isLast = !/^\s*,/.test(after)
  tree.write(path, isLast ? before.replace(/,\s*$/, '') + after : before.trimEnd() + after.replace(/^\s*,/, ''))
}

const entry = (folder: string): string => `{\n      "path": "./${folder}"\n    }`
