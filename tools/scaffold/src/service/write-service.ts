import type { Tree } from '@nx/devkit'
import { formatChanges } from '../format-changes.ts'
import type { Links } from '../links.ts'
import { addProject } from '../project.ts'
import { packageFolder } from '../projects.ts'
import { apiFiles } from './api-files.ts'
import { chartSources } from './chart-file.ts'
import { manifestOf } from './manifest.ts'
import { readme } from './readme.ts'
import { serviceFile } from './service-file.ts'
import { type Files, sourceFiles } from './source-files.ts'
import type { ServiceSpec } from './spec.ts'
import { storeFiles } from './store-files.ts'
import { testFiles } from './test-files.ts'
import { chartLinks } from './umbrella.ts'

const executable = 0o755

/** Writes the files that the team of a service goes on with, not those that follow from them. Returns the links that belong to them. */
export const writeService = (tree: Tree, spec: ServiceSpec): Links => {
  const { name } = spec
  const manifest = manifestOf(spec, versionsOf(tree))
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
  const links = addProject(tree, {
    folder: `apps/${name}`,
    manifest,
    files: appFiles(spec),
    uses: packages.flatMap((each) => (each.startsWith('@armature/') ? packageFolder(tree, each) : [])),
  })
  tree.changePermissions(`apps/${name}/src/main.ts`, executable)
  for (const [path, text] of Object.entries(chartSources(spec))) tree.write(`helm/${name}/${path}`, text)
  return { ...links, [`node_modules/.bin/${name}`]: `../@armature/${name}/src/main.ts`, ...chartLinks(name) }
}

/** The same files as text by path from the root, formatted. The tree is a scratch: it is changed. */
export const templateFiles = async (scratch: Tree, spec: ServiceSpec): Promise<ReadonlyMap<string, string>> => {
  writeService(scratch, spec)
  await formatChanges(scratch)
  const { name } = spec
  const paths = [
    ...['package.json', 'tsconfig.json', ...Object.keys(appFiles(spec))].map((path) => `apps/${name}/${path}`),
    ...Object.keys(chartSources(spec)).map((path) => `helm/${name}/${path}`),
  ]
  return new Map(paths.map((path) => [path, scratch.read(path, 'utf8') ?? '']))
}

const appFiles = (spec: ServiceSpec): Files => ({
  'README.md': readme(spec),
  ...sourceFiles(spec),
  ...storeFiles(spec),
  ...apiFiles(spec),
  'src/service.ts': serviceFile(spec),
  ...testFiles(spec),
})

/** Versions that other projects of the workspace have. */
const versionsOf =
  (tree: Tree) =>
  (name: string): string => {
    for (const project of ['libs/config', 'libs/service']) {
      const { dependencies = {} } = JSON.parse(tree.read(`${project}/package.json`, 'utf8') ?? '{}') as {
        dependencies?: Readonly<{ [name: string]: string }>
      }
      if (dependencies[name] !== undefined) return dependencies[name]
    }
    throw new Error(`neither libs/config nor libs/service has the package ${name}`)
  }
