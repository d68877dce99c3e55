import { execFileSync } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { Refusal } from './refusal.ts'

/** What every generator counts on. */
const landmarks = ['nx.json', 'package-lock.json', 'libs/service/package.json', 'helm/service/Chart.yaml']

/** Throws in a workspace that was not made of this template. */
export const checkWorkspace = (tree: Tree): void => {
  const missing = landmarks.find((path) => !tree.exists(path))
  if (missing !== undefined)
    throw new Refusal(
      `This workspace is not made of Armature: it has no ${missing}`,
      'Run the generator in a copy of the template',
    )
}

/** Throws where git knows of changes that are not committed: they could not be told from those of the generator. */
export const checkCommitted = (tree: Tree): void => {
  const changes = git(tree, 'status', '--porcelain').trimEnd()
  if (changes === '') return
  const [first = '', ...rest] = changes.split('\n')
  const more = rest.length === 0 ? '' : ` and ${rest.length} more`
  throw new Refusal(
    `There are uncommitted changes (${first.slice(3)}${more})`,
    'Commit or stash them, or add --force to go on all the same',
  )
}

/** Throws where a file that the tree changes was written since: the tree would undo what another generator or an editor did. */
export const checkUntouched = (tree: Tree, startedMs: number): void => {
  const touched = tree.listChanges().find(({ path }) => {
    const stat = lstatSync(join(tree.root, path), { throwIfNoEntry: false })
    return stat?.isFile() === true && stat.mtimeMs >= startedMs + 1
  })
  if (touched !== undefined)
    throw new Refusal(
      `${touched.path} was changed while the generator ran, perhaps by another one`,
      'Nothing is written: run it again',
    )
}

const maxOutputBytes = 64 * 1024 * 1024

/** The output of a git command in the workspace. Throws where git is missing or the workspace is no repository. */
export const git = (tree: Tree, ...args: string[]): string => {
  try {
    const options = { cwd: tree.root, encoding: 'utf8', maxBuffer: maxOutputBytes, stdio: 'pipe' } as const
    return execFileSync('git', args, options)
  } catch (error) {
    const reason = (error as { stderr?: string }).stderr?.trim() ?? ''
    throw new Refusal(`git ${args[0]} failed: ${reason || String(error)}`, 'The generator needs a git repository')
  }
}
