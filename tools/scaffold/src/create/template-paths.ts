import { execFileSync } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'

const maxListBytes = 64 * 1024 * 1024

/** The files of the template, from the root of its repository: those that git tracks, as far as they are in the working tree. */
export const templatePaths = (root: string): string[] => {
  const paths = execFileSync('git', ['ls-files', '-z', '--cached'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: maxListBytes,
  }).split('\0')
  return paths.filter((path) => path !== '' && lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined)
}
