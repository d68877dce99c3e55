import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { linkInstalled } from '@armature/mutate/workspace-copy'
import { root } from './dry-tree.ts'

// Stands for npm where a test makes a workspace: what `npm ci` would install is linked from this one, which takes no time and no network.

const folder = process.cwd()
if (!existsSync('node_modules')) {
  const listed = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  linkInstalled(root, folder, listed.split('\0'))
}
