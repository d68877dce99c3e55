import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, execute, onPath } from './execute.ts'
import { goBuilt, goEnvironment } from './go.ts'

/** Built where PATH has none. */
export const consulVersion = '1.22.7'
/** The published API module that this version of Consul builds with. */
const apiVersion = '1.34.5'
const module = 'github.com/hashicorp/consul'
const deadlineMs = 1_800_000

/** The path of Consul: PATH's, or one built by Go (three minutes on two cores, once) and kept by version. */
export const consulProgram = async (env: Environment = process.env): Promise<string> =>
  (await onPath(['consul'], env)) ??
  goBuilt('consul', `v${consulVersion}`, env, async (go, folder) => {
    const options = { deadlineMs, cwd: folder, env: goEnvironment(env) }
    const source = await execute(go, ['mod', 'download', '-json', `${module}@v${consulVersion}`], options)
    const { Dir: sources } = JSON.parse(source) as { Dir: string }
    // Consul's go.mod replaces its submodules by folders, which `go install` refuses; the published ones stand in for them.
    const own = await readFile(join(sources, 'go.mod'), 'utf8')
    const text = own.replace(/^module .*$/m, 'module local/consul').replace(/^.*=> \.\/.*\n/gm, '')
    await writeFile(join(folder, 'go.mod'), text, { mode: 0o644 })
    await execute(
      go,
      ['mod', 'edit', `-require=${module}@v${consulVersion}`, `-require=${module}/api@v${apiVersion}`],
      options,
    )
    await execute(go, ['build', '-trimpath', '-ldflags=-s -w', '-o', 'consul', module], options)
  })
