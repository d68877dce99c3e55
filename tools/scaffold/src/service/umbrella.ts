import type { Tree } from '@nx/devkit'
import type { Links } from '../links.ts'
import { secretsOf } from './chart-file.ts'
import type { ServiceSpec } from './spec.ts'

const chart = 'helm/platform'
const names = `${chart}/templates/_names.tpl`
const schema = `${chart}/values.schema.json`
/** The app whose image wraps the others, to ship their lines. */
export const shipper = 'log-shipper'

/** Links that Helm needs: the library chart in the chart of the service, and that in the umbrella. */
export const chartLinks = (name: string): Links => ({
  [`helm/${name}/charts/service`]: '../../service',
  [`${chart}/charts/${name}`]: `../../${name}`,
})

/** Enters a service in the umbrella chart: as a dependency, with values, in the schema, and among the apps that edges are made for. */
export const addToUmbrella = (tree: Tree, spec: ServiceSpec): void => {
  edit(tree, `${chart}/Chart.yaml`, (text) => text + dependencyOf(spec.name, versionOf(tree)))
  edit(tree, `${chart}/values.yaml`, (text) => `${text}\n${valuesOf(spec)}`)
  edit(tree, schema, (text) => addSchema(text, spec.name))
  editList(tree, 'platform.apps', (apps) => [...apps, spec.name])
  if (spec.api === 'grpc') editList(tree, 'platform.grpcApps', (apps) => [...apps, spec.name])
}

/** Takes a service out of the umbrella chart again. */
export const removeFromUmbrella = (tree: Tree, name: string): void => {
  edit(tree, `${chart}/Chart.yaml`, (text) => text.replace(new RegExp(`  - name: ${name}\\n(?:    .*\\n)+`), ''))
  edit(tree, `${chart}/values.yaml`, (text) => {
    const left = withoutKey(text, name)
    // The others are wrapped by its image.
    return name === shipper
      ? left.replaceAll(/(\n {2}logShipping:\n(?: {4}#.*\n)* {4}mode: )wrap\n/g, '$1none\n')
      : left
  })
  edit(tree, schema, (text) => removeSchema(text, name))
  for (const list of ['platform.apps', 'platform.grpcApps'])
    editList(tree, list, (apps) => apps.filter((app) => app !== name))
}

/** YAML without a key of the first level, its value and the comment above it. */
const withoutKey = (text: string, key: string): string => {
  const lines = text.split('\n')
  const at = lines.indexOf(`${key}:`)
  if (at === -1) return text
  const comments = lines.slice(0, at).findLastIndex((line) => !line.startsWith('#')) + 1
  const next = lines.findIndex((line, index) => index > at && /^\S/.test(line))
  const rest = next === -1 ? [] : lines.slice(next)
  return `${[...lines.slice(0, comments), ...rest].join('\n').trimEnd()}\n`
}

const edit = (tree: Tree, path: string, change: (text: string) => string): void =>
  tree.write(path, change(tree.read(path, 'utf8') ?? ''))

const versionOf = (tree: Tree): string =>
  /^version: (\S+)$/m.exec(tree.read('helm/service/Chart.yaml', 'utf8') ?? '')?.[1] ?? '0.1.0'

const dependencyOf = (name: string, version: string): string => `  - name: ${name}
    version: ${version}
    repository: file://../${name}
    condition: ${name}.enabled
`

const valuesOf = (spec: ServiceSpec): string => `# Values of helm/${spec.name}, which documents them all
${spec.name}:
  # Install it. Its image must be there: \`npx nx run ${spec.name}:image\`
  enabled: false
  # As of search-service
  bindings: [consul, graphite]
  networkPolicy:
    # As of search-service
    dns: [{ ipBlock: { cidr: 0.0.0.0/0 } }, { namespaceSelector: {} }]
${secretValues(spec)}  logShipping:
    # As of search-service
    mode: wrap
    secret:
      # As of search-service
      existingSecret: '{{ .Release.Name }}-kafka'
`

const secretValues = (spec: ServiceSpec): string => {
  const secrets = secretsOf(spec)
  if (secrets.length === 0) return ''
  const lines = secrets.map(
    ({ setting, backend }) => `    ${setting}:
      # Secret with the URL of ${backend}
      existingSecret: '{{ .Release.Name }}-${backend}'
`,
  )
  return `  secrets:\n${lines.join('')}`
}

/** The properties of apps are the last ones of the schema. The rest of the file keeps its form. */
const addSchema = (text: string, name: string): string =>
  text.replace(
    /\n {2}\},\n {2}"\$defs": \{/,
    (end) => `,
    "${name}": {
      "description": "Values of the chart ${name}, which its own schema checks",
      "type": "object"
    }${end}`,
  )

const removeSchema = (text: string, name: string): string =>
  text
    .replace(new RegExp(`\\n {4}"${name}": \\{[^{}]*\\},`), '')
    .replace(new RegExp(`,\\n {4}"${name}": \\{[^{}]*\\}`), '')

/** A list of names in a template, with commas between. */
const editList = (tree: Tree, template: string, change: (apps: readonly string[]) => readonly string[]): void =>
  edit(tree, names, (text) =>
    text.replace(
      new RegExp(`(\\{\\{- define "${template.replace('.', '\\.')}" -\\}\\}\\n)(.*)(\\n\\{\\{- end)`),
      (_, head: string, list: string, end: string) => `${head}${change(list.split(',')).join(',')}${end}`,
    ),
  )
