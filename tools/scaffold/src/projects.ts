import type { Tree } from '@nx/devkit'

/** The parts of a package.json that generators look at. */
export interface Manifest {
  readonly name: string
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** A workspace of npm. */
export interface Project {
  /** From the root, such as `apps/reactor`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** The projects of the tree, by folder. */
export const projects = (tree: Tree): readonly Project[] =>
  ['apps', 'libs', 'tools', 'examples'].flatMap((group) =>
    tree
      .children(group)
      .sort()
      .map((name) => `${group}/${name}`)
      .filter((folder) => tree.exists(`${folder}/package.json`))
      .map((folder) => ({
        folder,
        manifest: JSON.parse(tree.read(`${folder}/package.json`, 'utf8') ?? '{}') as Manifest,
      })),
  )

/** The packages that a project names. */
export const dependenciesOf = ({ dependencies = {}, devDependencies = {} }: Manifest): readonly string[] =>
  Object.keys({ ...dependencies, ...devDependencies })

/** The folder of a package of the workspace: a library or a tool. */
export const packageFolder = (tree: Tree, packageName: string): string => {
  const name = packageName.split('/')[1] ?? ''
  return tree.exists(`libs/${name}`) ? `libs/${name}` : `tools/${name}`
}
