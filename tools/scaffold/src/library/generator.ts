import { generator } from '../generator.ts'
import { camelCase, checkName, checkUnused } from '../names.ts'
import { addProject, plainVitestConfig } from '../project.ts'

/** The options of `library`. */
export interface LibraryOptions {
  readonly name: string
  readonly description: string
}

/** Adds a library to `libs`. */
export const library = generator<LibraryOptions>((tree, { name, description }) => {
  checkName(name)
  checkUnused(tree, name)
  const links = addProject(tree, {
    folder: `libs/${name}`,
    manifest: { exports: { './*': './src/*.ts' }, nx: { tags: ['type:lib', `lib:${name}`] } },
    files: filesOf(name, description),
    uses: [],
  })
  return { links, notes: [`Others use it once "@armature/${name}": "*" is among their dependencies.`] }
})

const filesOf = (name: string, description: string) => ({
  'README.md': `# ${name}\n\n${description}\n`,
  'vitest.config.ts': plainVitestConfig,
  [`src/${name}.ts`]: `/** Replace it by what the library is for. */
export const ${camelCase(name)} = (): string => '${name}'
`,
  [`src/${name}.test.ts`]: `import { expect, test } from 'vitest'
import { ${camelCase(name)} } from './${name}.ts'

test('it is there', () => {
  expect(${camelCase(name)}()).toBe('${name}')
})
`,
})
