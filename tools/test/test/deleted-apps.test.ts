import { copyWorkspace, type WorkspaceCopy } from '@armature/mutate/workspace-copy'
import { startProgram, type Program } from '@armature/servers/program'
import { existsSync, globSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

// A copy of this workspace keeps some of its apps. The others are deleted as CONTRIBUTING.md says, in a copy.
const workspace = join(import.meta.dirname, '../../..')
const limitMs = 900_000

type Manifest = {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly nx?: { readonly tags?: readonly string[] }
}
type Project = { readonly folder: string; readonly manifest: Manifest }

let copy: WorkspaceCopy | undefined
let program: Program | undefined
afterEach(async () => {
  await program?.kill()
  copy?.remove()
})

const projects = globSync('{apps,libs,tools,examples}/*/package.json', { cwd: workspace })
  .sort()
  .map((path): Project => ({
    folder: dirname(path),
    manifest: JSON.parse(readFileSync(join(workspace, path), 'utf8')) as Manifest,
  }))

/** These projects and all that use them, however far up. */
const withDependents = (chosen: readonly Project[]): readonly Project[] => {
  const names = new Set(chosen.map(({ manifest }) => manifest.name))
  const more = projects.filter(
    ({ manifest }) =>
      !names.has(manifest.name) &&
      Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).some((name) => names.has(name)),
  )
  return more.length === 0 ? chosen : withDependents([...chosen, ...more])
}

const isPlainApp = ({ folder, manifest }: Project) =>
  folder.startsWith('apps/') && manifest.nx?.tags?.includes('composes:apps') !== true

/** Removes the links of workspaces that are gone, as npm does. */
const removeDeadLinks = (folder: string): void => {
  for (const name of readdirSync(folder)) if (!existsSync(join(folder, name))) rmSync(join(folder, name))
}

// Who keeps one or two apps has none left to keep.
test.runIf(projects.filter(isPlainApp).length > 2)(
  'a workspace without two of its apps, and what is made of them, passes the checks',
  { timeout: limitMs },
  async () => {
    const deleted = withDependents(projects.filter(isPlainApp).slice(-2)).map(({ folder }) => folder)
    expect(deleted.filter((folder) => /^libs\//.test(folder))).toEqual([])

    const { folder } = (copy = copyWorkspace(workspace))
    for (const each of deleted) rmSync(join(folder, each), { recursive: true })
    removeDeadLinks(join(folder, 'node_modules/@armature'))
    const env = {
      ...process.env,
      NX_DAEMON: 'false',
      PATH: [join(folder, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
    }
    const run = async (command: string, ...args: string[]): Promise<string> => {
      const running = (program = startProgram(command, args, { cwd: folder, env }))
      const { code } = await running.ended(limitMs)
      expect(code, running.output()).toBe(0)
      return running.output()
    }

    await run('nx', 'sync')
    await run('npm', 'run', 'tables')
    // Runs the parts of `npm run check` that a deletion can break. Formats and lint of unchanged files are left out, and bundles.
    const output = await run('node', 'tools/test/src/check.ts', 'references', 'protos', 'contract', 'types', 'tidy')
    expect(output).toMatch(/\n[1-9]\d* passed, 0 failed\n$/)
    await run('prettier', '--check', '*.{md,json}', '*/*/*.{md,json}')
    await run('eslint', '--max-warnings=0', 'eslint.config.js', 'tools/test/src/check.ts')
  },
)
