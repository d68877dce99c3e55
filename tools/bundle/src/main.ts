import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { type BuildFailure, formatMessages } from 'esbuild'
import { bundle } from './bundle.ts'

// nx build <project>: `node tools/bundle/src/main.ts NAME`, the package's name or its folder's.
const root = join(import.meta.dirname, '../../..')

type Manifest = { readonly name?: unknown; readonly nx?: { readonly targets?: Readonly<Record<string, unknown>> } }

/** The projects with the target `build`: apps and command-line programs. */
const projects = ['apps', 'tools']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((project) => existsSync(join(root, project, 'src/main.ts')))
  .map((project) => ({
    project,
    manifest: JSON.parse(readFileSync(join(root, project, 'package.json'), 'utf8')) as Manifest,
  }))
  .filter(({ manifest }) => manifest.nx?.targets?.['build'] !== undefined)

/** A fault in the sources, which has a place: a stack would say nothing. */
const isBuildFailure = (fault: unknown): fault is BuildFailure => fault instanceof Error && 'errors' in fault

const [asked] = process.argv.slice(2)
const found = projects.find(({ project, manifest }) => basename(project) === asked || manifest.name === asked)
if (found === undefined) {
  const names = projects.map(({ project }) => basename(project)).join(', ')
  console.error(`${asked ?? 'No name'} is no project that can be built. Give one of ${names}.`)
  process.exitCode = 64
} else {
  try {
    const { folder, bytes, bytesAtStart } = await bundle(join(root, found.project))
    const [all, atStart] = [bytes, bytesAtStart].map((size) => `${(size / 1_000_000).toFixed(1)} MB`)
    console.log(`${relative(root, folder)}/main.js: ${all} of code, ${atStart} of it loaded at the start`)
  } catch (fault) {
    if (!isBuildFailure(fault)) throw fault
    console.error((await formatMessages(fault.errors, { kind: 'error', color: process.stderr.isTTY })).join('\n'))
    process.exitCode = 1
  }
}
