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
