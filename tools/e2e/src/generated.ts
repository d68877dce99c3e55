import { delimiter, join } from 'node:path'
import { copyWorkspace } from '@armature/mutate/workspace-copy'
import { execute } from './execute.ts'

/** A copy of this workspace with a repository of its own, in which a service may be generated. */
export const openCopy = async () => {
  const { folder, remove } = copyWorkspace(join(import.meta.dirname, '../../..'))
  const path = [join(folder, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
  const env = { ...process.env, PATH: path, NX_DAEMON: 'false', NX_TUI: 'false' }
  const run = (command: string, ...args: string[]) => execute(command, args, { cwd: folder, env })
  const git = (...args: string[]) => run('git', '-c', 'user.name=e2e', '-c', 'user.email=e2e@localhost', ...args)
  try {
    await git('init', '--quiet')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'start')
  } catch (error) {
    remove()
    throw error
  }
  return {
    folder,
    chart: join(folder, 'helm/platform'),
    remove,
    nx: (...args: string[]) => run('nx', ...args),
    /** What git sees of changes; empty for none. */
    status: () => git('status', '--porcelain'),
  }
}

export type Copy = Awaited<ReturnType<typeof openCopy>>
