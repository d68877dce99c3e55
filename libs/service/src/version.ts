import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const maxLevels = 8

/** The version in the package.json nearest above this file: of this workspace, or of the bundle it was built into. */
export const packageVersion = (from: string = import.meta.dirname): string => {
  let folder = from
  for (let level = 0; level < maxLevels; level += 1) {
    const version = versionIn(join(folder, 'package.json'))
    if (version !== undefined) return version
    folder = dirname(folder)
  }
  return 'unknown'
}

const versionIn = (path: string): string | undefined => {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown }
    return typeof parsed.version === 'string' ? parsed.version : undefined
  } catch {
    return undefined
  }
}
