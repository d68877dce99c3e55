import type { Tree } from '@nx/devkit'
import { formatChanges } from './format-changes.ts'
import { changeLinks, type Links } from './links.ts'
import { createRestorePoint } from './restore-point.ts'
import { checkCommitted, checkUntouched, checkWorkspace } from './workspace.ts'

/** What a generator changes beside the files of the tree, which cannot hold links. */
export interface Outcome {
  /** Symbolic links to make, or to remove where the target is undefined. */
  readonly links?: Links
  /** Lines that tell the user what was done, or what to do next. */
  readonly notes?: readonly string[]
}

type Plan<Options> = (tree: Tree, options: Options) => Promise<Outcome | void> | Outcome | void

interface Needs {
  /** Refuses uncommitted changes, unless the option `force` is given. */
  readonly committed?: boolean
}

/**
 * A generator for Nx: checks the workspace, lets `plan` change the tree in memory, and formats the result.
 * `plan` must not write to the disk. Nx writes the tree afterwards, unless it is a dry run. Where the links then fail, files and links are restored.
 */
export const generator =
  <Options extends object>(plan: Plan<Options>, { committed = false }: Needs = {}) =>
  async (tree: Tree, options: Options): Promise<() => void> => {
    const startedMs = Date.now()
    checkWorkspace(tree)
    if (committed && !('force' in options && options.force === true)) checkCommitted(tree)
    const { links = {}, notes = [] } = (await plan(tree, options)) ?? {}
    await formatChanges(tree)
    const before = createRestorePoint(tree)
    process.once('exit', before.close)
    // The last step, so that the time is short until Nx writes.
    try {
      checkUntouched(tree, startedMs)
    } catch (error) {
      before.close()
      throw error
    }
    for (const note of notes) console.log(note)
    return () => {
      try {
        changeLinks(tree.root, links)
      } catch (error) {
        before.restore()
        throw error
      }
    }
  }
