import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import type { Outcome } from '../generator.ts'
import type { Links } from '../links.ts'
import { sortLockFile } from '../lock-file.ts'
import { Refusal } from '../refusal.ts'
import { git } from '../workspace.ts'
import { type Forms, formsOf, renamedText } from './forms.ts'
import { identifiersOf } from './identifiers.ts'
import { checkNames } from './new-names.ts'
import { renamedImage } from './proto-images.ts'

/** What was done before, and whose work it was, stays. */
const kept = /^(?:CHANGELOG\.md|LICENSE|NOTICE)$/
/** The names there are examples. */
const examples = /^tools\/scaffold\/|\.md$/

/** Gives the workspace another scope and another name, everywhere. Throws for names that it cannot have, before it changes a file. */
export const renameWorkspace = (tree: Tree, scope: string, name: string): Outcome => {
  checkNames(scope, name)
  const [from, to] = [currentForms(tree), formsOf(scope, name)]
  if (from.scope === scope && from.kebab === name) return { notes: [`The workspace is called ${name} already.`] }
  const files = filesOf(tree)
  const texts = new Map(files.flatMap((path) => textOf(tree, path)))
  checkFree(texts, from, to)
  const inTexts = (text: string) => renamedText(text, from, to)
  for (const [path, text] of texts) {
    const after = renamedText(text, from, to, identifiersOf(path, text, from.camel))
    move(tree, path, inTexts(path), after === text ? undefined : after)
  }
  for (const path of files.filter((each) => each.endsWith('.binpb'))) {
    const image = tree.read(path) ?? Buffer.alloc(0)
    move(tree, path, inTexts(path), renamedImage(tree.root, image, inTexts))
  }
  sortLockFile(tree)
  return {
    links: packageLinks(tree, from, to),
    notes: [
      `The packages are ${to.scope}/..., and the platform is called ${to.kebab}.`,
      'Run `npm install` for the commands in node_modules/.bin, and `npm test`.',
    ],
  }
}

/** The names that the workspace has now: those of the package of the root and of this one. */
const currentForms = (tree: Tree): Forms => {
  const nameIn = (path: string) => (JSON.parse(tree.read(path, 'utf8') ?? '{}') as { name: string }).name
  const [scope = ''] = nameIn('tools/scaffold/package.json').split('/')
  return formsOf(scope, nameIn('package.json'))
}

/** Every file that is committed or would be, without links and without what the same run deletes. */
const filesOf = (tree: Tree): readonly string[] => {
  // The tree says of a file that it is there where the folder around it was deleted.
  const deleted = tree.listChanges().flatMap(({ type, path }) => (type === 'DELETE' ? [path] : []))
  const isDeleted = (path: string) => deleted.some((each) => path === each || path.startsWith(`${each}/`))
  return git(tree, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
    .split('\0')
    .filter((path) => path !== '' && !kept.test(path) && !isDeleted(path))
    .filter((path) => lstatSync(join(tree.root, path), { throwIfNoEntry: false })?.isFile() === true)
}

const textOf = (tree: Tree, path: string): [string, string][] => {
  const bytes = tree.read(path)
  return bytes === null || bytes.includes(0) || path.endsWith('.binpb') ? [] : [[path, bytes.toString()]]
}

/** A name that the workspace uses for something else could not be told from it afterwards. */
const checkFree = (texts: ReadonlyMap<string, string>, from: Forms, to: Forms): void => {
  const others = [...texts].filter(([path]) => !examples.test(path))
  const placeOf = (word: string) => others.find(([, text]) => text.includes(word))?.[0]
  if (to.kebab !== from.kebab)
    for (const word of [to.kebab, to.flat, to.constant]) {
      const place = placeOf(word)
      if (place !== undefined)
        throw new Refusal(`The name "${to.kebab}" stands for something else already, in ${place}`, 'Choose another one')
    }
  const place = to.scope === from.scope ? undefined : placeOf(`${to.scope}/`)
  if (place !== undefined)
    throw new Refusal(`The scope "${to.scope}" has packages already, in ${place}`, 'Choose another one')
}

const move = (tree: Tree, path: string, target: string, content: string | Buffer | undefined): void => {
  if (target !== path) {
    const { mode } = lstatSync(join(tree.root, path))
    tree.write(target, content ?? tree.read(path) ?? '', { mode })
    tree.delete(path)
  } else if (content !== undefined) tree.write(path, content)
}

/** The links of the packages in node_modules, under their new scope. */
const packageLinks = (tree: Tree, from: Forms, to: Forms): Links => {
  const { root } = tree
  const folder = `node_modules/${from.scope}`
  if (from.scope === to.scope || !existsSync(join(root, folder))) return {}
  const links: Record<string, string | undefined> = {}
  for (const name of readdirSync(join(root, folder))) {
    if (!lstatSync(join(root, folder, name)).isSymbolicLink()) continue
    const target = readlinkSync(join(root, folder, name))
    links[`${folder}/${name}`] = undefined
    // One that the same run removes has no folder any more.
    if (tree.exists(join(folder, target))) links[`node_modules/${to.scope}/${name}`] = target
  }
  return links
}
