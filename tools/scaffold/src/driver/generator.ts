import type { Tree } from '@nx/devkit'
import { generator } from '../generator.ts'
import { camelCase, checkName, checkUnused, pascalCase } from '../names.ts'
import { addProject } from '../project.ts'
import { packageFolder, type Manifest } from '../projects.ts'
import { Refusal } from '../refusal.ts'
import { driverFolder, driverRecord, opensScheme, registerDriver } from './registration.ts'

/** The options of `driver`. */
export interface DriverOptions {
  readonly name: string
}

/** A driver like any other, whose tests run with those of the workspace. */
const skeleton = 'examples/skeleton-driver'
const maxNameLength = 30

/** Adds a driver: a library that is a copy of the skeleton under another name, and its entry wherever drivers are listed. */
export const driver = generator<DriverOptions>((tree, { name }) => {
  checkDriver(tree, name)
  const folder = driverFolder(name)
  const renamed = (text: string) => renamedText(text, name)
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    tree.read(`${skeleton}/package.json`, 'utf8') ?? '{}',
  ) as Manifest
  const links = addProject(tree, {
    folder,
    manifest: {
      exports: { './*': './src/*.ts' },
      nx: { tags: ['type:lib', `lib:messaging-${name}`] },
      dependencies,
      devDependencies,
    },
    files: Object.fromEntries(
      filesOf(tree, skeleton)
        .filter((path) => !/^(?:package|tsconfig)\.json$/.test(path))
        .map((path) => [renamed(path), renamed(tree.read(`${skeleton}/${path}`, 'utf8') ?? '')]),
    ),
    uses: Object.keys({ ...dependencies, ...devDependencies }).map((each) => packageFolder(tree, each)),
  })
  const readme = tree.read(`${folder}/README.md`, 'utf8') ?? ''
  tree.write(`${folder}/README.md`, head(name) + readme.slice(readme.indexOf('## Guarantees')))
  tree.write(driverRecord(folder), `${JSON.stringify({ generator: 'driver', options: { name } })}\n`)
  registerDriver(tree, name, /^\| `.*$/m.exec(readme)?.[0] ?? '')
  return {
    links,
    notes: [
      `It passes: npx nx test messaging-${name}. Replace its parts in the order of ${folder}/README.md.`,
      `Undo it: npx nx g @armature/scaffold:remove messaging-${name}`,
    ],
  }
})

const checkDriver = (tree: Tree, name: string): void => {
  checkName(name)
  if (name.length > maxNameLength)
    throw new Refusal(`The name "${name}" has ${name.length} characters`, `Use at most ${maxNameLength}`)
  checkUnused(tree, `messaging-${name}`)
  if (opensScheme(tree, name)) throw new Refusal(`The scheme "${name}:" has a driver already`, 'Choose another name')
  if (!tree.exists(`${skeleton}/package.json`))
    throw new Refusal(`There is no ${skeleton}, of which a driver is made`, 'Bring it back from the template')
}

/** Paths of files below a folder, from there. */
const filesOf = (tree: Tree, folder: string): string[] =>
  tree.children(folder).flatMap((name) => {
    if (/^(?:node_modules|out-tsc|coverage)$/.test(name)) return []
    if (tree.isFile(`${folder}/${name}`)) return [name]
    return filesOf(tree, `${folder}/${name}`).map((path) => `${name}/${path}`)
  })

/** In a form for each place: a folder, a type, a variable, a scheme. */
const renamedText = (text: string, name: string): string =>
  text
    .replaceAll('examples/skeleton-driver', driverFolder(name))
    .replaceAll('skeleton-driver', `messaging-${name}`)
    .replaceAll('Skeleton', pascalCase(name))
    .replaceAll(/skeleton(?=[A-Z])/g, camelCase(name))
    .replaceAll('skeleton', name)

const head = (name: string): string => `# messaging-${name}

The driver of \`${name}:\` URLs. It still speaks a protocol that does not exist, lines of JSON over TCP, to the server in
[test/fake-server](test/fake-server.ts), and passes the whole conformance suite. Replace one part at a time, and keep the suite green.

`
