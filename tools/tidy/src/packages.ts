import { importsOf } from './code.ts'
import { below, isTest, projectsOf, sourcesOf, type Tree, type Violation } from './tree.ts'

/** The parts of a package.json that rules look at. */
export type Manifest = {
  readonly name?: string
  readonly private?: boolean
  readonly type?: string
  readonly exports?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly nx?: { readonly tags?: readonly string[] }
}

/** The package.json of a project; `.` is the root. */
export const manifestOf = (tree: Tree, project: string): Manifest => {
  const text = tree.text(project === '.' ? 'package.json' : `${project}/package.json`)
  return text === undefined ? {} : (JSON.parse(text) as Manifest)
}

const exactVersion = /^\d+\.\d+\.\d+(-[\w.]+)?$/

export const exactVersions = (tree: Tree): Violation[] =>
  ['.', ...projectsOf(tree)].flatMap((project) => {
    const { dependencies = {}, devDependencies = {} } = manifestOf(tree, project)
    return Object.entries({ ...dependencies, ...devDependencies })
      .filter(([name, version]) => (isOurs(name) ? version !== '*' : !exactVersion.test(version)))
      .map(([name, version]) => ({
        path: project === '.' ? 'package.json' : `${project}/package.json`,
        problem: isOurs(name)
          ? `${name} is "${version}": ours are "*"`
          : `${name} is "${version}": pin the exact version`,
      }))
  })

const isOurs = (name: string): boolean => name.startsWith('@armature/')

const kinds: Readonly<Record<string, string>> = { apps: 'app', libs: 'lib', tools: 'tool', examples: 'example' }

export const manifests = (tree: Tree): Violation[] =>
  projectsOf(tree).flatMap((project) => {
    const [group = '', folder = ''] = project.split('/')
    const kind = kinds[group] ?? ''
    const { name, private: hidden, type, exports, nx } = manifestOf(tree, project)
    const wantedName = kind === 'example' ? `@armature/example-${folder}` : `@armature/${folder}`
    const tags = [`type:${kind}`, ...(kind === 'example' ? [] : [`${kind}:${folder}`])]
    const problems = [
      ...(name === wantedName ? [] : [`the name is ${name}: it follows from the folder, ${wantedName}`]),
      ...(hidden === true && type === 'module' ? [] : ['is not "private": true and "type": "module"']),
      ...(kind !== 'lib' || JSON.stringify(exports) === '{"./*":"./src/*.ts"}'
        ? []
        : ['exports is not { "./*": "./src/*.ts" }']),
      ...tags
        .filter((tag) => !(nx?.tags ?? []).includes(tag))
        .map((tag) => `has no tag ${tag}, by which lint knows its arrows`),
    ]
    return problems.map((problem) => ({ path: `${project}/package.json`, problem }))
  })

/** Packages of the root that every project may use in tests and configs. */
const ofTheRoot = /^(vitest|vite|typescript|eslint|@eslint\/.*|@nx\/.*|esbuild|fast-check|playwright-core|prettier)$/
/** Used without being imported: types, and what a file is asked of by a resolved path. */
const unimported = /^@types\//

export const declaredDependencies = (tree: Tree): Violation[] =>
  projectsOf(tree).flatMap((project) => {
    const { name: own, dependencies = {}, devDependencies = {} } = manifestOf(tree, project)
    const path = `${project}/package.json`
    const sources = sourcesOf(tree).filter((file) => file.path.startsWith(`${project}/`))
    const used = new Map<string, { test: boolean; line: number; path: string }>()
    for (const file of sources) {
      const apart = isTest(file.path) || /\.config\.ts$/.test(file.path) || project.startsWith('tools/')
      for (const { name, line, type } of importsOf(file)) {
        const test = apart || type
        const packageName = packageOf(name)
        if (packageName === undefined || packageName === own) continue
        const known = used.get(packageName)
        if (known === undefined || (known.test && !test)) used.set(packageName, { test, line, path: file.path })
      }
    }
    const undeclared = [...used].flatMap(([name, { test, line, path: place }]) => {
      if (
        name in dependencies ||
        (test && (name in devDependencies || `@types/${name}` in devDependencies || ofTheRoot.test(name)))
      )
        return []
      if (name in devDependencies)
        return [{ path: place, line, problem: `${name} is a devDependency, but not only tests import it` }]
      return [{ path: place, line, problem: `${name} is not in ${path}` }]
    })
    const texts = below(tree, project).filter((file) => !file.path.endsWith('/package.json'))
    const unused = Object.keys({ ...dependencies, ...devDependencies })
      .filter((name) => !used.has(name) && !unimported.test(name))
      .filter((name) => !texts.some(({ text }) => text.includes(`'${name}`)))
      .map((name) => ({ path, problem: `${name} is declared, but nothing imports it` }))
    return [...undeclared, ...unused]
  })

const packageOf = (name: string): string | undefined =>
  name.startsWith('.') || name.startsWith('node:') || name.startsWith('/')
    ? undefined
    : /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[1]
