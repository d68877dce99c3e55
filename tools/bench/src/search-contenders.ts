import { spawn } from 'node:child_process'
import { copyFileSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kept } from '@armature/servers/cache'
import { run } from './search-data.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const pythonPackages = [
  'grpcio==1.85.1',
  'grpcio-tools==1.85.1',
  'sqlalchemy==2.1.9',
  'psycopg2-binary==2.9.13',
  'statsd==4.0.1',
]
const installDeadlineMs = 600_000
const startDeadlineMs = 60_000

export interface RunningContender {
  readonly port: number
  readonly pid: number
  stop(): void
}

export interface World {
  /** The folder for their files, removed at the end. */
  readonly folder: string
  readonly databaseUrl: string
  readonly statsdPort: number
}

/** search-service's bundle, which `npm run bench -- search` builds first. Its log goes to a file. */
export const searchService = ({ folder, databaseUrl, statsdPort }: World, ...args: readonly string[]) =>
  start([process.execPath, join(root, 'apps/search-service/dist/main.js'), ...args], /gRPC\s+127\.0\.0\.1:(\d+)/, {
    env: { ...process.env, DATABASE_URL: databaseUrl, STATSD_PORT: String(statsdPort) },
    log: join(folder, 'log'),
  })

export const buildSearchService = () =>
  run(process.execPath, [join(root, 'tools/bundle/src/main.ts'), 'search-service'], { cwd: root })

/** Adds the things of a file, as an operator would. Resolves to what it says of them. */
export const importFile = async ({ databaseUrl }: World, file: string): Promise<string> => {
  const args = [join(root, 'tools/search/src/main.ts'), 'import', file, '--repair']
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, DATABASE_URL: databaseUrl } })
  return stdout.trim()
}

export const nest = ({ databaseUrl }: World) => start(node('search-nest.ts', databaseUrl), printedPort)
export const echo = () => start(node('grpc-echo.ts', 'grpc-js'), printedPort)

/** `python`: what `preparePython` resolved to. */
export const pythonServer = (python: string, outlines: string, { folder, databaseUrl, statsdPort }: World) =>
  start([python, 'search.py', databaseUrl, outlines, String(statsdPort)], printedPort, { cwd: folder })

/** A Python of its own, with the server and the stubs of the proto in `folder`. Resolves to its path. */
export const preparePython = async ({ folder }: World): Promise<string> => {
  const home = await kept('python-search-bench-1', { deadlineMs: installDeadlineMs }, async (draft) => {
    await run('python3', ['-m', 'venv', draft])
    await run(join(draft, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...pythonPackages])
  })
  const python = join(home, 'bin/python')
  copyFileSync(new URL('search.py', import.meta.url), join(folder, 'search.py'))
  const proto = join(root, 'libs/search-api/proto')
  const flags = [`-I${proto}`, `--python_out=${folder}`, `--grpc_python_out=${folder}`, 'search.proto']
  await run(python, ['-m', 'grpc_tools.protoc', ...flags])
  return python
}

const node = (file: string, ...args: readonly string[]) => [process.execPath, join(import.meta.dirname, file), ...args]

const printedPort = /^(\d+)$/m

/** A server in a process of its own, whose port is what `pattern` finds in its output. Rejects when there is none in a minute. */
const start = async (
  [file = '', ...args]: readonly string[],
  pattern: RegExp,
  { log, ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; log?: string } = {},
): Promise<RunningContender> => {
  const stdout = log === undefined ? 'pipe' : openSync(log, 'a')
  const child = spawn(file, args, { ...options, stdio: ['ignore', stdout, 'pipe'] })
  const stop = () => child.kill('SIGKILL')
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    const fail = (problem: string) => {
      stop()
      reject(new Error(`${file} ${args.join(' ')} ${problem}:\n${text}`))
    }
    const timer = setTimeout(() => fail(`had no port in ${startDeadlineMs} ms`), startDeadlineMs)
    const look = (chunk: Buffer) => {
      if (text.length > 100_000) return
      text += chunk.toString()
      const found = pattern.exec(text)?.[1]
      if (found === undefined) return
      clearTimeout(timer)
      resolve(Number(found))
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('exit', (code) => fail(`ended with ${code}`))
  })
  return { port, pid: child.pid ?? 0, stop }
}
