import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BuildFailure, formatMessages } from 'esbuild'
import { bundle } from './bundle.ts'

// nx build <app>: `node tools/bundle/src/main.ts NAME`, the package's name or its folder's.
const root = join(import.meta.dirname, '../../..')
const apps = readdirSync(join(root, 'apps')).filter((name) => existsSync(join(root, 'apps', name, 'src/main.ts')))
const nameIn = (app: string): unknown =>
  (JSON.parse(readFileSync(join(root, 'apps', app, 'package.json'), 'utf8')) as { name?: unknown }).name

/** A fault in the sources, which has a place: a stack would say nothing. */
const isBuildFailure = (fault: unknown): fault is BuildFailure => fault instanceof Error && 'errors' in fault

const [asked] = process.argv.slice(2)
const app = apps.find((name) => name === asked || nameIn(name) === asked)
if (app === undefined) {
  console.error(`${asked ?? 'No name'} is no app with a src/main.ts. The apps are ${apps.join(', ')}.`)
  process.exitCode = 64
} else {
  try {
    const { folder, bytes, bytesAtStart } = await bundle(join(root, 'apps', app))
    const [all, atStart] = [bytes, bytesAtStart].map((size) => `${(size / 1_000_000).toFixed(1)} MB`)
    console.log(`${relative(root, folder)}/main.js: ${all} of code, ${atStart} of it loaded at the start`)
  } catch (fault) {
    if (!isBuildFailure(fault)) throw fault
    console.error((await formatMessages(fault.errors, { kind: 'error', color: process.stderr.isTTY })).join('\n'))
    process.exitCode = 1
  }
}
