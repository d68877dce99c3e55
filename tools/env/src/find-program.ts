import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The path that execvp uses if PATH is not set. */
const defaultPath = '/usr/bin:/bin'

/**
 * The file that a command names, as a shell finds it: a name with a slash is a path, any other is looked for in the folders of PATH, where
 * an empty one is the current folder. Undefined where there is none that can be run.
 */
export const findProgram = (name: string, path: string = defaultPath): string | undefined => {
  if (name.includes('/')) return name
  return path
    .split(delimiter)
    .map((folder) => join(folder === '' ? '.' : folder, name))
    .map((file) => (file.includes('/') ? file : `./${file}`))
    .find(canBeRun)
}

const canBeRun = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
