import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface WorkspaceCopy {
  readonly folder: string
  /** Removes the copy. */
  remove(): void
}

const maxListBytes = 64 * 1024 * 1024

/**
 * A copy of the workspace in a temporary folder: what git tracks and what it does not ignore, as it is in the working tree. Installed packages are
 * links to the original's; the packages of the workspace are the copy's own. Throws where `root` is no git checkout.
 */
export const copyWorkspace = (root: string): WorkspaceCopy => {
  const folder = mkdtempSync(join(tmpdir(), 'armature-mutate-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: maxListBytes,
  })
  const paths = listed.toString().split('\0')
  for (const path of paths) {
    if (path === '' || !existsSync(join(root, path))) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    const [from, to] = [join(root, path), join(folder, path)]
    // cpSync takes a link to a folder, such as that of a chart in another, for the folder.
    if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to)
    else cpSync(from, to)
  }
  linkInstalled(root, folder, paths)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Links the packages that are installed in a workspace into a copy of it, which has files of these paths. */
export const linkInstalled = (root: string, folder: string, paths: readonly string[]): void => {
  for (const place of new Set(['.', ...paths.map((path) => dirname(path))])) {
    if (existsSync(join(root, place, 'node_modules'))) linkPackages(root, folder, join(place, 'node_modules'))
  }
}

/** The packages of the workspace are links with a relative target: copied as they are, they lead into the copy. */
const linkPackages = (root: string, folder: string, place: string): void => {
  mkdirSync(join(folder, place), { recursive: true })
  for (const name of readdirSync(join(root, place))) {
    const [from, to] = [join(root, place, name), join(folder, place, name)]
    const own = name.startsWith('@') && readdirSync(from).some((each) => lstatSync(join(from, each)).isSymbolicLink())
    if (!own) {
      symlinkSync(from, to)
      continue
    }
    mkdirSync(to)
    for (const each of readdirSync(from)) {
      const link = lstatSync(join(from, each)).isSymbolicLink()
      symlinkSync(link ? readlinkSync(join(from, each)) : join(from, each), join(to, each))
    }
  }
}
