import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { format, getFileInfo, resolveConfig } from 'prettier'

/** Formats what a generator created or updated, as `npm run format` does. Files that Prettier does not know stay as they are. */
export const formatChanges = async (tree: Tree): Promise<void> => {
  const ignorePath = join(tree.root, '.prettierignore')
  for (const { path, type, content, options } of tree.listChanges()) {
    if (type === 'DELETE' || content === null || isConflict.test(content.toString())) continue
    const file = join(tree.root, path)
    const { ignored, inferredParser } = await getFileInfo(file, { ignorePath })
    if (ignored || inferredParser === null) continue
    tree.write(path, await format(content.toString(), { ...(await resolveConfig(file)), filepath: file }), options)
  }
}

/** The marks of a merge, with which a file cannot be read until somebody has resolved it. */
const isConflict = /^<{7} /m
