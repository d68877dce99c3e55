import { chmod, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { aptInstall, aptOfRoot } from './apt.ts'
import { kept } from './cache.ts'
import { type Environment, execute, onPath } from './execute.ts'
import { oneLine, say } from './progress.ts'

/** On a busy machine of two cores a large program takes a quarter of an hour. */
const deadlineMs = 1_800_000
const toolchain = 'v0.0.1-go1.26.8.linux'
/** Since 1.21 Go fetches by itself the newer Go that a module asks for. */
const oldestMinor = 21

/**
 * The path of a program: PATH's, or one that Go builds from its module proxy and that is kept by version. `module` is the path
 * of its main package. Rejects with one line that says what to install.
 */
export const goInstall = async (
  module: string,
  version: string,
  program: string,
  env: Environment = process.env,
): Promise<string> => {
  const found = await onPath([program], env)
  if (found !== undefined) return found
  return goBuilt(program, version, env, async (go, draft) => {
    const [args, goEnv] = [['install', '-trimpath', '-ldflags=-s -w', `${module}@${version}`], goEnvironment(env)]
    await execute(go, args, { deadlineMs, env: { ...goEnv, GOBIN: draft } })
    const [built = program] = await readdir(draft)
    await rename(join(draft, built), join(draft, program))
  })
}

/** The path of a program that `build` puts into the folder it is given, with the Go it is given; kept by version. */
export const goBuilt = async (
  program: string,
  version: string,
  env: Environment,
  build: (go: string, folder: string) => Promise<void>,
): Promise<string> => {
  const name = `${program}-${version}`
  const folder = await kept(name, { deadlineMs, env, say }, async (draft) => {
    const go = await goProgram(program, env)
    say(`${name}: built by Go into the cache folder; this takes a minute or more`)
    await build(go, draft).catch(
      oneLine(`${program} could not be built: give go access to its module proxy, or put ${program} on PATH`),
    )
  })
  return join(folder, program)
}

/** The environment in which Go builds: without a C compiler, and whatever flags its user has set. */
export const goEnvironment = (env: Environment): Environment => ({ ...env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' })

/** PATH's Go; else, on Debian by root, its old one, which fetches a newer one from the module proxy. */
const goProgram = async (program: string, env: Environment): Promise<string> => {
  const remedy = `install ${program}, or Go 1.24 or newer`
  const found = await onPath(['go'], env)
  if (found !== undefined && (await isNew(found, env))) return found
  if (found === undefined) {
    if ((await aptOfRoot(env)) === undefined) {
      throw new Error(`${program} is not on PATH and neither is go: ${remedy}`)
    }
    await aptInstall('golang-go', remedy, env)
  }
  const old = await onPath(['go'], env)
  if (old === undefined) throw new Error(`go was installed, but PATH does not have it: add /usr/bin to PATH`)
  return newToolchain(old, env).catch(oneLine(`${old} is too old and could not fetch a newer Go: ${remedy}`))
}

const isNew = async (go: string, env: Environment): Promise<boolean> => {
  const [, minor = 0] =
    /^go1\.(\d+)/.exec((await execute(go, ['env', 'GOVERSION'], { deadlineMs: 60_000, env })).trim()) ?? []
  return Number(minor) >= oldestMinor
}

/** Newer versions of Go are modules too. Their files come without the right to be run, which a newer Go would give them. */
const newToolchain = async (old: string, env: Environment): Promise<string> => {
  const module = `golang.org/toolchain@${toolchain}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  say(`${module}: fetched by ${old}`)
  const answer = await execute(old, ['mod', 'download', '-json', module], { deadlineMs, env })
  const { Dir: folder } = JSON.parse(answer) as { Dir: string }
  for (const place of ['bin', join('pkg', 'tool')]) {
    for (const file of await readdir(join(folder, place), { recursive: true, withFileTypes: true })) {
      if (file.isFile()) await chmod(join(file.parentPath, file.name), 0o755)
    }
  }
  return join(folder, 'bin', 'go')
}
