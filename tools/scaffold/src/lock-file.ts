import type { Tree } from '@nx/devkit'

const path = 'package-lock.json'

/** The parts of a package.json that the lock file repeats, in its order. */
const repeated = [
  'name',
  'version',
  'license',
  'dependencies',
  'bin',
  'devDependencies',
  'engines',
  'peerDependencies',
] as const

interface Manifest extends Partial<Record<(typeof repeated)[number], unknown>> {
  readonly name: string
}

interface LockFile {
  packages: Record<string, object>
}

/** Enters a workspace as `npm install` does. All that it depends on must be in the lock file already. */
export const lockWorkspace = (tree: Tree, folder: string): void => {
  const manifest = JSON.parse(tree.read(`${folder}/package.json`, 'utf8') ?? '') as Manifest
  change(tree, (packages) => {
    packages[`node_modules/${manifest.name}`] = { resolved: folder, link: true }
    packages[folder] = entryOf(manifest)
  })
}

/** Takes a workspace out, as `npm install` does after its folder was deleted. */
export const unlockWorkspace = (tree: Tree, folder: string, name: string): void =>
  change(tree, (packages) => {
    delete packages[`node_modules/${name}`]
    delete packages[folder]
  })

const entryOf = (manifest: Manifest): object =>
  Object.fromEntries(
    repeated.filter((key) => manifest[key] !== undefined).map((key) => [key, withoutDots(key, manifest[key])]),
  )

/** npm writes `src/main.ts` for `./src/main.ts`. */
const withoutDots = (key: string, value: unknown): unknown =>
  key === 'bin'
    ? Object.fromEntries(Object.entries(value as Record<string, string>).map(([k, v]) => [k, v.replace(/^\.\//, '')]))
    : value

const change = (tree: Tree, edit: (packages: LockFile['packages']) => void): void => {
  const text = tree.read(path, 'utf8') ?? ''
  const lock = JSON.parse(text) as LockFile
  edit(lock.packages)
  const sorted = Object.entries(lock.packages).sort(([one], [other]) => one.localeCompare(other, 'en'))
  const after = { ...lock, packages: Object.fromEntries(sorted) }
  tree.write(path, `${JSON.stringify(after, null, 2)}\n`)
}
