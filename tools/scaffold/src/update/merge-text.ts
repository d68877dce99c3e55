import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Three versions of one text. */
export interface Versions {
  /** With the user's edits. */
  readonly own: string
  /** That both others come from. */
  readonly base: string
  /** With the changes of the template. */
  readonly other: string
}

/** git merge-file tells up to this many conflicts by its exit code; a higher code is an error. */
const maxConflicts = 127
const maxTextBytes = 64 * 1024 * 1024

/** Merges by `git merge-file`, which leaves the usual markers in a conflict. Throws where git cannot merge, such as binary files. */
export const mergeText = (versions: Versions): { readonly text: string; readonly conflicts: number } => {
  const folder = mkdtempSync(join(tmpdir(), 'scaffold-merge-'))
  try {
    const names = ['own', 'base', 'other'] as const
    for (const name of names) writeFileSync(join(folder, name), versions[name])
    const labels = ['yours', 'the template before', 'the template'].flatMap((label) => ['-L', label])
    const { status, stdout, stderr, error } = spawnSync('git', ['merge-file', '-p', ...labels, ...names], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: maxTextBytes,
    })
    if (error !== undefined) throw error
    if (status === null || status > maxConflicts) throw new Error(`git merge-file failed: ${stderr.trim()}`)
    return { text: stdout, conflicts: status }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
