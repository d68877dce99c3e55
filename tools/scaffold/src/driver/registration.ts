import type { Tree } from '@nx/devkit'
import { lockWorkspace } from '../lock-file.ts'
import { pascalCase } from '../names.ts'
import { Refusal } from '../refusal.ts'

const list = 'libs/messaging-drivers'
const openers = `${list}/src/open.ts`
const tables = [`${list}/README.md`, 'libs/messaging/README.md']

/** The library of a driver. */
export const driverFolder = (name: string): string => `libs/messaging-${name}`

/** The file by which `remove` knows a driver that was generated. */
export const driverRecord = (folder: string): string => `${folder}/.scaffold.json`

/** Whether messaging-drivers opens URLs of this scheme already. */
export const opensScheme = (tree: Tree, scheme: string): boolean =>
  new RegExp(`^ {2}'?${scheme}'?: async `, 'm').test(tree.read(openers, 'utf8') ?? '')

/** Enters a driver wherever drivers are listed. `row` is that of the tables of guarantees. */
export const registerDriver = (tree: Tree, name: string, row: string): void => {
  const key = name.includes('-') ? `'${name}'` : name
  const entry = `  ${key}: async (url, options) => (await import('@armature/messaging-${name}/driver')).open${pascalCase(name)}(url, options),\n`
  edit(tree, openers, (text) => {
    const end = /\n\}\n/.exec(text.slice(text.indexOf('const drivers')))
    if (end === null) throw new Refusal(`${openers} has no list of drivers`, 'Add the driver by hand')
    const place = text.indexOf('const drivers') + end.index + 1
    return text.slice(0, place) + entry + text.slice(place)
  })
  editManifest(tree, (dependencies) => ({ ...dependencies, [packageOf(name)]: '*' }))
  edit(tree, `${list}/tsconfig.json`, (text) =>
    text.replace(/("references": \[)/, `$1\n    {\n      "path": "../messaging-${name}"\n    },`),
  )
  for (const path of tables) edit(tree, path, (text) => text.replace(/((?:^\| `[a-z0-9-]+:`.*\n)+)/m, `$1${row}\n`))
  edit(tree, 'libs/messaging/README.md', (text) =>
    text.replace(/(\.\.\/messaging-[a-z0-9-]+\))\.\n/, `$1${link(name)}.\n`),
  )
  edit(tree, 'CHANGELOG.md', (text) => text.replace('### Added\n\n', `### Added\n\n${change(name)}`))
}

/** Takes a driver out of every list again. */
export const unregisterDriver = (tree: Tree, name: string): void => {
  const entry = new RegExp(
    `^ {2}'?[a-z0-9-]+'?: async \\(url, options\\) =>\\s*\\(await import\\('${packageOf(name)}/[^']*'\\)\\)\\.\\w+\\(url, options\\),\\n`,
    'gm',
  )
  edit(tree, openers, (text) => text.replace(entry, ''))
  editManifest(tree, ({ [packageOf(name)]: _, ...others }) => others)
  edit(tree, `${list}/tsconfig.json`, (text) =>
    text.replace(new RegExp(`\\s*\\{\\s*"path": "\\.\\./messaging-${name}"\\s*\\},?`), ''),
  )
  for (const path of tables) edit(tree, path, (text) => text.replace(new RegExp(`^\\| \`${name}:\`.*\\n`, 'm'), ''))
  edit(tree, 'libs/messaging/README.md', (text) => text.replace(link(name), ''))
  edit(tree, 'CHANGELOG.md', (text) => text.replace(change(name), ''))
}

const packageOf = (name: string): string => `@armature/messaging-${name}`
const link = (name: string): string => `,\n[${name}](../messaging-${name})`
const change = (name: string): string => `- libs/messaging-${name}: a driver for ${name}.\n`

const edit = (tree: Tree, path: string, by: (text: string) => string): void => {
  const before = tree.read(path, 'utf8') ?? ''
  const after = by(before)
  if (after !== before) tree.write(path, after)
}

type Dependencies = Readonly<Record<string, string>>

const editManifest = (tree: Tree, by: (dependencies: Dependencies) => Dependencies): void => {
  const path = `${list}/package.json`
  const manifest = JSON.parse(tree.read(path, 'utf8') ?? '{}') as { readonly dependencies: Dependencies }
  const sorted = Object.entries(by(manifest.dependencies)).sort(([one], [other]) => one.localeCompare(other, 'en'))
  tree.write(path, `${JSON.stringify({ ...manifest, dependencies: Object.fromEntries(sorted) }, null, 2)}\n`)
  lockWorkspace(tree, list)
}
