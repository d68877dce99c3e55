import type { Tree } from '@nx/devkit'
import type { ServiceSpec } from './spec.ts'
import { shipper } from './umbrella.ts'

const codeOwners = 'CODEOWNERS'
const ownersHead = '# Who is asked to review a change of a folder.\n'
const memory = 'helm/memory.json'

/** An estimate for a service over Kafka and PostgreSQL, until its authors measure it. */
const estimate = '{ "startMiB": 110, "loadMiB": 180 }'

/** Enters a service in the documents of the workspace. */
export const addToDocuments = (tree: Tree, { name, description, owner }: ServiceSpec): void => {
  edit(tree, 'README.md', (text) => addRow(text, `| [${name}](apps/${name}) | ${lowerFirst(description)} |`))
  edit(tree, 'CHANGELOG.md', (text) => text.replace('### Added\n\n', `### Added\n\n${changeOf(name, description)}`))
  edit(tree, memory, (text) => text.replace('"apps": {\n', `"apps": {\n    "${name}": ${estimate},\n`))
  if (owner !== undefined)
    edit(tree, codeOwners, (text) => `${text || ownersHead}/apps/${name}/ ${owner}\n/helm/${name}/ ${owner}\n`)
}

/** Takes a service out of the documents again. What people wrote about it elsewhere stays. */
export const removeFromDocuments = (tree: Tree, name: string): void => {
  edit(tree, 'README.md', (text) => withoutLines(text, (line) => line.startsWith(`| [${name}](apps/${name})`)))
  edit(tree, 'CHANGELOG.md', (text) => withoutLines(text, (line) => line.startsWith(changeHead(name))))
  // The charts of the others count with its memory, whether it wraps them or not.
  if (name !== shipper)
    edit(tree, memory, (text) =>
      text
        .replace(new RegExp(`\\n *"${name}": \\{[^}]*\\},`), '')
        .replace(new RegExp(`,\\n *"${name}": \\{[^}]*\\}`), ''),
    )
  if (!tree.exists(codeOwners)) return
  edit(tree, codeOwners, (text) =>
    withoutLines(text, (line) => line.startsWith(`/apps/${name}/ `) || line.startsWith(`/helm/${name}/ `)),
  )
  if (tree.read(codeOwners, 'utf8') === ownersHead) tree.delete(codeOwners)
}

const edit = (tree: Tree, path: string, change: (text: string) => string): void => {
  const before = tree.read(path, 'utf8') ?? ''
  const after = change(before)
  if (after !== before) tree.write(path, after)
}

/** A row after the last app that does not compose others. */
const addRow = (text: string, row: string): string => {
  const lines = text.split('\n')
  const isApp = (line: string) => /^\| \[[^\]]+\]\(apps\//.test(line)
  const composer = lines.findIndex((line) => line.startsWith('| [all-in-one](apps/'))
  const place = composer === -1 ? lines.findLastIndex(isApp) + 1 : composer
  return [...lines.slice(0, place), row, ...lines.slice(place)].join('\n')
}

const changeHead = (name: string): string => `- apps/${name}: `
const changeOf = (name: string, description: string): string => `${changeHead(name)}${lowerFirst(description)}.\n`

const withoutLines = (text: string, isOut: (line: string) => boolean): string =>
  text
    .split('\n')
    .filter((line) => !isOut(line))
    .join('\n')

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
