import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** The folder of the workspace. */
export const workspace = join(import.meta.dirname, '../../..')

/** A project that can be bundled: an app or a command-line program. */
export interface BundledProject {
  /** Its folder below the workspace: `apps/reactor`. */
  readonly project: string
  readonly manifest: Manifest
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly bin?: Readonly<Record<string, string>>
  readonly nx?: { readonly targets?: Readonly<Record<string, unknown>> }
}

/** The projects with the target `build`. */
export const bundledProjects: readonly BundledProject[] = ['apps', 'tools']
  .flatMap((folder) => readdirSync(join(workspace, folder)).map((name) => join(folder, name)))
  .filter((project) => existsSync(join(workspace, project, 'src/main.ts')))
  .map((project) => ({
    project,
    manifest: JSON.parse(readFileSync(join(workspace, project, 'package.json'), 'utf8')) as Manifest,
  }))
  .filter(({ manifest }) => manifest.nx?.targets?.['build'] !== undefined)

/** The project of this name, that of its package or of its folder. Throws Error that lists all names. */
export const bundledProject = (asked: string | undefined): BundledProject => {
  const found = bundledProjects.find(({ project, manifest }) => basename(project) === asked || manifest.name === asked)
  if (found !== undefined) return found
  const names = bundledProjects.map(({ project }) => basename(project)).join(', ')
  throw new Error(`${asked ?? 'No name'} is no project that can be built. Give one of ${names}.`)
}
