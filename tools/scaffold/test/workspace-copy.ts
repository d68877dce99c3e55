import { execFileSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { copyWorkspace } from '@armature/mutate/workspace-copy'
import { startProgram } from '@armature/servers/program'
import { onTestFinished } from 'vitest'
import { root } from './dry-tree.ts'

const limitMs = 600_000
const removalMs = 120_000

/** A copy of this workspace with a repository of its own, in which generators run as a user runs them. Removed with the test. */
export const openCopy = () => {
  const copy = copyWorkspace(root)
  onTestFinished(() => copy.remove(), removalMs)
  const { folder } = copy
  const env = {
    ...process.env,
    NX_DAEMON: 'false',
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    PATH: [join(folder, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
  }
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  git('init', '--quiet')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'start')

  /** Runs a program to its end, and resolves with its output. Rejects with it where the exit code is not 0. */
  const run = async (command: string, ...args: string[]): Promise<string> => {
    const program = startProgram(command, args, { cwd: folder, env })
    onTestFinished(() => program.kill())
    const { code } = await program.ended(limitMs)
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${program.output()}`)
    return program.output()
  }
  return {
    folder,
    git,
    run,
    /** `nx g @armature/scaffold:...` */
    generate: (name: string, ...args: string[]) => run('nx', 'g', `@armature/scaffold:${name}`, ...args),
    commit: () => {
      git('add', '--all')
      git('commit', '--quiet', '--message', 'change')
    },
    status: () => git('status', '--porcelain'),
  }
}
