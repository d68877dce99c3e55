import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { withStaging } from '../staging.ts'

const limitMs = 30_000

/** Compiles the protos of an app in the tree, as `npm run proto` does. Throws what buf says of them. */
export const compileProto = (tree: Tree, folder: string, descriptor: string): Promise<void> =>
  withStaging(tree, async (root) => {
    const buf = join(tree.root, 'node_modules/.bin/buf')
    const run = (...args: string[]) =>
      execFileSync(buf, args, { cwd: join(root, folder), timeout: limitMs, stdio: 'pipe', encoding: 'utf8' })
    run('lint', 'proto')
    run('build', 'proto', '--exclude-source-info', '-o', descriptor)
    tree.write(`${folder}/${descriptor}`, readFileSync(join(root, folder, descriptor)))
  })
