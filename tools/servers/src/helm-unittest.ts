import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, execute, onPath } from './execute.ts'
import { goBuilt, goEnvironment } from './go.ts'

const version = 'v1.1.2'
const module = 'github.com/helm-unittest/helm-unittest'
const deadlineMs = 1_800_000

/** The path of helm-unittest, which tests charts, as a program without Helm: PATH's untt, or one built by Go and kept. */
export const helmUnittest = async (env: Environment = process.env): Promise<string> =>
  (await onPath(['untt'], env)) ??
  goBuilt('untt', version, env, async (go, folder) => {
    const options = { deadlineMs, cwd: folder, env: goEnvironment(env) }
    const found = await execute(go, ['mod', 'download', '-json', `${module}@${version}`], options)
    const { Dir: sources } = JSON.parse(found) as { Dir: string }
    // Its go.mod replaces a module, which `go install` refuses: a module of our own builds it with the same replacement.
    const own = await readFile(join(sources, 'go.mod'), 'utf8')
    await writeFile(join(folder, 'go.mod'), own.replace(/^module .*$/m, 'module local/untt'), { mode: 0o644 })
    await copyFile(join(sources, 'go.sum'), join(folder, 'go.sum'))
    await execute(go, ['mod', 'edit', `-require=${module}@${version}`], options)
    await execute(go, ['build', '-trimpath', '-ldflags=-s -w', '-o', 'untt', `${module}/cmd/helm-unittest`], options)
  })
