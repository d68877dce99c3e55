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

/** Gives the lock file the order that npm keeps, after names changed. */
export const sortLockFile = (tree: Tree): void => change(tree, () => undefined)

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
  const packages = sorted(
    Object.fromEntries(Object.entries(lock.packages).map(([place, entry]) => [place, withSortedMaps(entry)])),
  )
  tree.write(path, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`)
}

/** npm sorts the packages, and what each depends on, by name. */
const sorted = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).sort(([one], [other]) => one.localeCompare(other, 'en')))

const withSortedMaps = (entry: object): object =>
  Object.fromEntries(
    Object.entries(entry).map(([key, value]: [string, unknown]) => [
      key,
      /dependencies$/i.test(key) && !Array.isArray(value) ? sorted(value as Record<string, string>) : value,
    ]),
  )
