import type { Tree } from '@nx/devkit'
import { generator } from '../generator.ts'
import { camelCase, checkIdentifier } from '../names.ts'
import { projects, type Project } from '../projects.ts'
import { Refusal } from '../refusal.ts'
import { writeTables } from '../tables.ts'

/** The options of `metric`. */
export interface MetricOptions {
  /** The folder of the project, such as `apps/reactor`, or its name. */
  readonly project: string
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'timer' | 'histogram'
  readonly unit?: string
  readonly help: string
  /** With commas between. */
  readonly labels?: string
}

/** Declares a metric of a project, and enters it in the table of all metrics. */
export const metric = generator<MetricOptions>(async (tree, options) => {
  const { name } = options
  checkIdentifier(
    name,
    'metric',
    /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/,
    'words in lower case with _ between, such as orders_total',
  )
  const project = projectOf(tree, options.project)
  if (!/^[A-Z].*[^.]$/.test(options.help))
    throw new Refusal(
      `The help ${JSON.stringify(options.help)} is no sentence`,
      'Begin with a capital, and leave the full stop out',
    )
  checkFree(tree, name)
  const path = fileOf(tree, project)
  const text = tree.read(path, 'utf8')
  const entry = entryOf(options)
  tree.write(path, text === null ? newFile(project, entry) : withEntry(text, name, entry))
  await writeTables(tree)
})

const projectOf = (tree: Tree, wanted: string): Project => {
  const found = projects(tree).find(({ folder }) => folder === wanted || folder.split('/')[1] === wanted)
  if (found === undefined)
    throw new Refusal(`There is no project ${JSON.stringify(wanted)}`, 'Name one, such as reactor')
  if (found.manifest.dependencies?.['@armature/telemetry'] === undefined && found.folder !== 'libs/telemetry')
    throw new Refusal(
      `${found.folder} does not use libs/telemetry`,
      'Add "@armature/telemetry": "*" to its dependencies',
    )
  return found
}

const metricFiles = (tree: Tree, { folder }: Project): readonly string[] =>
  tree
    .children(`${folder}/src`)
    .filter((name) => name.endsWith('-metrics.ts'))
    .map((name) => `${folder}/src/${name}`)

const checkFree = (tree: Tree, name: string): void => {
  const owner = projects(tree)
    .flatMap((project) => metricFiles(tree, project))
    .find((path) => new RegExp(`^ *['"]?${name}['"]?: \\{`, 'm').test(tree.read(path, 'utf8') ?? ''))
  if (owner !== undefined) throw new Refusal(`${owner} declares the metric ${name} already`, 'Choose another name')
}

const fileOf = (tree: Tree, project: Project): string => {
  const files = metricFiles(tree, project)
  return files[0] ?? `${project.folder}/src/${baseName(project)}-metrics.ts`
}

const baseName = ({ folder }: Project): string => folder.split('/')[1] ?? ''

/** The entries stand in the order of their names. */
const withEntry = (text: string, name: string, entry: string): string => {
  const entries = [...text.matchAll(/^ {2}['"]?([a-z][\w.]*)['"]?: \{/gm)]
  const next = entries.find(([, other = '']) => other > name)
  const place = next?.index ?? text.lastIndexOf('})')
  return text.slice(0, place) + entry + text.slice(place)
}

const units = { counter: '{event}', gauge: '{item}', timer: 'ms', histogram: '{item}' } as const

const entryOf = ({ name, kind, unit, help, labels = '' }: MetricOptions): string => {
  const names = labels
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean)
  for (const label of names)
    checkIdentifier(label, 'label', /^[a-z][a-z0-9_.]*$/, 'words in lower case with _ between, such as outcome')
  return `  ${name}: {
    kind: '${kind}',
    unit: ${JSON.stringify(unit ?? units[kind])},
    help: ${JSON.stringify(help)},
    labels: ${JSON.stringify(names)},
  },
`
}

const newFile = (project: Project, entry: string): string => `import { defineMetrics } from '@armature/telemetry/metric'

/** The metrics of ${baseName(project)}. */
export const ${camelCase(baseName(project))}Metrics = defineMetrics({
${entry}})
`
