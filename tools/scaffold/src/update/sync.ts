import type { Tree } from '@nx/devkit'
import { recordedServices } from '../record.ts'
import { mergeService } from './merge-service.ts'

/** For `nx sync:check`: names the services that lag behind their template. `nx sync` merges as `update` does. */
export const sync = async (tree: Tree): Promise<{ outOfSyncMessage?: string }> => {
  const lagging: string[] = []
  for (const name of recordedServices(tree)) {
    const { changed, conflicts, kept } = await mergeService(tree, name)
    if (changed.length + conflicts.length + kept.length > 0) lagging.push(name)
  }
  if (lagging.length === 0) return {}
  return {
    outOfSyncMessage: `Behind the template: ${lagging.join(', ')}. Run npx nx g @armature/scaffold:update, and look at the changes.`,
  }
}
