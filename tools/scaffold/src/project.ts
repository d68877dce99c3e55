import type { Tree } from '@nx/devkit'
import type { Links } from './links.ts'
import { lockWorkspace } from './lock-file.ts'
import { addReference } from './references.ts'

/** What a new project is made of. */
export interface Project {
  /** From the root, such as `libs/money`. */
  readonly folder: string
  /** Of package.json, beside name, version and the like. */
  readonly manifest: Readonly<Record<string, unknown>> & {
    readonly dependencies?: Readonly<Record<string, string>>
    readonly devDependencies?: Readonly<Record<string, string>>
  }
  /** Text by path in the folder; `package.json` and `tsconfig.json` are made from the rest. */
  readonly files: Readonly<Record<string, string>>
  /** The projects that it uses: the folder of each, such as `libs/async`. */
  readonly uses: readonly string[]
}

/** The package of a project, by its folder. */
export const packageName = (folder: string): string => `@armature/${folder.split('/')[1]}`

/** Writes a project with its entries in package-lock.json and the references of TypeScript. Returns the link in node_modules. */
export const addProject = (tree: Tree, { folder, manifest, files, uses }: Project): Links => {
  const name = packageName(folder)
  const head = { name, version: '0.1.0', private: true, type: 'module' }
  tree.write(`${folder}/package.json`, json({ ...head, ...manifest }))
  tree.write(`${folder}/tsconfig.json`, tsconfig(folder, uses))
  for (const [path, text] of Object.entries(files)) tree.write(`${folder}/${path}`, text)
  lockWorkspace(tree, folder)
  addReference(tree, folder)
  return { [`node_modules/${name}`]: `../../${folder}` }
}

const tsconfig = (folder: string, uses: readonly string[]): string => {
  const [group] = folder.split('/')
  const from = (other: string) => (other.startsWith(`${group}/`) ? `../${other.split('/')[1]}` : `../../${other}`)
  return `{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": ".", "outDir": "out-tsc", "tsBuildInfoFile": "out-tsc/tsconfig.tsbuildinfo" },
  "include": ["src/**/*.ts", "test/**/*.ts", "vitest.config.ts"],
  "references": ${JSON.stringify(
    uses.map((other) => ({ path: from(other) })),
    null,
    2,
  )}
}
`
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** The vitest.config.ts of a project whose tests need no server. */
export const plainVitestConfig = `import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], passWithNoTests: false } })
`
