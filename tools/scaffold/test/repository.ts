import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Files and git of a workspace that a test makes. `root` is asked for at each call, since each test has a folder of its own. */
export const repository = (root: () => string) => ({
  put: (path: string, text: string | Buffer): void => {
    mkdirSync(dirname(join(root(), path)), { recursive: true })
    writeFileSync(join(root(), path), text)
  },
  textOf: (path: string): string => readFileSync(join(root(), path), 'utf8'),
  git: (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: root(), encoding: 'utf8' }),
})
