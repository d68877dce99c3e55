import type { Tree } from '@nx/devkit'
import type { Outcome } from '../generator.ts'
import { unlockWorkspace } from '../lock-file.ts'
import { dependenciesOf, type Manifest, projects, type Project } from '../projects.ts'
import { removeReference } from '../references.ts'
import { Refusal } from '../refusal.ts'
import { removeFromDocuments } from '../service/documents.ts'
import { removeFromUmbrella } from '../service/umbrella.ts'
import { removeFromCompose } from './compose.ts'

/**
 * Takes services out: their apps, their charts, and their entries in everything that lists services. The tables are as before: `writeTables` is for
 * the caller. Throws where another project uses one of them, unless it is to go, too.
 */
export const removeServices = (tree: Tree, names: readonly string[], withDependents: boolean): Outcome => {
  const all = projects(tree)
  const apps = names.map((name) => appCalled(name, all))
  const dependents = dependentsOf(apps, all)
  if (dependents.length > 0 && !withDependents)
    throw new Refusal(
      `${dependents.map(({ folder }) => folder).join(', ')} cannot do without "${names.join('", "')}"`,
      'Add --with-dependents to remove these, too',
    )
  const gone = [...apps, ...dependents]
  for (const project of gone) removeProject(tree, project)
  for (const folder of gone.map(chartOf)) if (tree.exists(folder)) tree.delete(folder)
  for (const project of gone) removeFromUmbrella(tree, baseName(project))
  for (const project of gone) removeFromDocuments(tree, baseName(project))
  for (const project of gone) removeFromCompose(tree, baseName(project))
  return { links: Object.fromEntries(gone.flatMap(linksOf)), notes: notesOf(tree, gone, all) }
}

const appCalled = (name: string, all: readonly Project[]): Project => {
  const app = all.find(({ folder }) => folder === `apps/${name}`)
  if (app === undefined) throw new Refusal(`There is no service "${name}"`, `The services are ${namesOf(all)}`)
  return app
}

const baseName = ({ folder }: Project): string => folder.split('/')[1] ?? ''
const chartOf = (project: Project): string => `helm/${baseName(project)}`
const namesOf = (all: readonly Project[]): string =>
  all
    .filter(({ folder }) => folder.startsWith('apps/'))
    .map(baseName)
    .join(', ')

/** What uses these projects, and what uses that. */
const dependentsOf = (of: readonly Project[], all: readonly Project[]): readonly Project[] => {
  const names = new Set(of.map(({ manifest }) => manifest.name))
  const found: Project[] = []
  for (let before = -1; before !== found.length;) {
    before = found.length
    for (const other of all) {
      if (names.has(other.manifest.name) || !dependenciesOf(other.manifest).some((each) => names.has(each))) continue
      names.add(other.manifest.name)
      found.push(other)
    }
  }
  return found
}

const removeProject = (tree: Tree, { folder, manifest }: Project): void => {
  tree.delete(folder)
  unlockWorkspace(tree, folder, manifest.name)
  removeReference(tree, folder)
}

const linksOf = (project: Project): [string, undefined][] => [
  [`node_modules/${project.manifest.name}`, undefined],
  ...Object.keys(project.manifest.bin ?? {}).map((bin): [string, undefined] => [`node_modules/.bin/${bin}`, undefined]),
  [`helm/platform/charts/${baseName(project)}`, undefined],
]

/** What a generator cannot know or do: the rest that names the service. */
const notesOf = (tree: Tree, gone: readonly Project[], all: readonly Project[]): string[] => {
  const left = all.filter((project) => !gone.includes(project))
  const used = new Set([
    ...left.flatMap(({ manifest }) => dependenciesOf(manifest)),
    ...dependenciesOf(JSON.parse(tree.read('package.json', 'utf8') ?? '{}') as Manifest),
  ])
  const ours = new Set(all.map(({ manifest }) => manifest.name))
  const unused = gone
    .flatMap(({ manifest }) => dependenciesOf(manifest))
    .filter((name) => !used.has(name) && !ours.has(name))
  const isExample = gone.some((project) => !tree.exists(`${project.folder}/.scaffold.json`))
  const { scripts = {} } = JSON.parse(tree.read('package.json', 'utf8') ?? '{}') as { scripts?: Record<string, string> }
  const stale = Object.entries(scripts).filter(([, script]) => gone.some(({ folder }) => script.includes(`${folder}/`)))
  return [
    ...(unused.length === 0 ? [] : [`Nothing else uses ${unused.join(', ')}: run npm install.`]),
    ...stale.map(([script]) => `npm run ${script} needs another target in package.json.`),
    ...(isExample
      ? [
          `Texts may name it still: git grep -n '${gone.map(baseName).join('\\|')}'. Manifests: npx nx test charts -- --update.`,
        ]
      : []),
  ]
}
