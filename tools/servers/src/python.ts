import { aptInstall } from './apt.ts'
import { type Environment, execute, onPath } from './execute.ts'

const askDeadlineMs = 60_000

/**
 * The path of a Python that has this module of its standard set, `pip` or `venv`: PATH's, or Debian's, which only root can install.
 * Rejects with `remedy` where that is not possible.
 */
export const pythonWithModule = async (module: 'pip' | 'venv', remedy: string, env: Environment): Promise<string> => {
  const find = async () => {
    const python = await onPath(['python3'], env)
    if (python === undefined) return undefined
    // Debian has venv without what it needs to put pip into one.
    const imported = module === 'venv' ? 'venv, ensurepip' : module
    const asked = execute(python, ['-c', `import ${imported}`], { deadlineMs: askDeadlineMs, env })
    return asked.then(
      () => python,
      () => undefined,
    )
  }
  const found = await find()
  if (found !== undefined) return found
  await aptInstall(`python3-${module}`, remedy, env)
  const installed = await find()
  if (installed === undefined)
    throw new Error(`python3-${module} was installed, but PATH's python3 does not have it: ${remedy}`)
  return installed
}
