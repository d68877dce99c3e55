import { join, relative } from 'node:path'
import { type BuildFailure, formatMessages } from 'esbuild'
import { bundle } from './bundle.ts'
import { type BundledProject, bundledProject, workspace } from './projects.ts'

// nx build <project>: `node tools/bundle/src/main.ts NAME`, the package's name or its folder's.

/** A fault in the sources, which has a place: a stack would say nothing. */
const isBuildFailure = (fault: unknown): fault is BuildFailure => fault instanceof Error && 'errors' in fault

const found = (): BundledProject | undefined => {
  try {
    return bundledProject(process.argv[2])
  } catch (fault) {
    console.error((fault as Error).message)
    process.exitCode = 64
    return undefined
  }
}

const built = async ({ project }: BundledProject): Promise<void> => {
  try {
    const { folder, bytes, bytesAtStart } = await bundle(join(workspace, project))
    const [all, atStart] = [bytes, bytesAtStart].map((size) => `${(size / 1_000_000).toFixed(1)} MB`)
    console.log(`${relative(workspace, folder)}/main.js: ${all} of code, ${atStart} of it loaded at the start`)
  } catch (fault) {
    if (!isBuildFailure(fault)) throw fault
    console.error((await formatMessages(fault.errors, { kind: 'error', color: process.stderr.isTTY })).join('\n'))
    process.exitCode = 1
  }
}

const project = found()
if (project !== undefined) await built(project)
