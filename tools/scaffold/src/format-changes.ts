import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { format, getFileInfo, resolveConfig } from 'prettier'

/** Formats what a generator created or updated, as `npm run format` does. Files that Prettier does not know stay as they are. */
export const formatChanges = async (tree: Tree): Promise<void> => {
  const ignorePath = join(tree.root, '.prettierignore')
  for (const { path, type, content } of tree.listChanges()) {
    if (type === 'DELETE' || content === null) continue
    const file = join(tree.root, path)
    const { ignored, inferredParser } = await getFileInfo(file, { ignorePath })
    if (ignored || inferredParser === null) continue
    tree.write(path, await format(content.toString(), { ...(await resolveConfig(file)), filepath: file }))
  }
}
