import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { spreadOf, written } from './compare.ts'
import { residentMebibytes } from './resident-memory.ts'

interface Start {
  readonly name: string
  readonly command: readonly string[]
  /** The line that says it is ready. */
  readonly ready: RegExp
}

const rounds = 5
const readyDeadlineMs = 60_000
const root = fileURLToPath(new URL('../../..', import.meta.url))

const app = (name: string, ...flags: string[]): Start => ({
  name,
  command: [process.execPath, `apps/${name}/src/main.ts`, ...flags],
  ready: /^(http|waits)\b/,
})

/** `app` cannot start without a database where it needs one: these three, and the whole platform. */
const starts: readonly Start[] = [
  app('log-shipper', '--hold'),
  app('alert-monitor'),
  app('reactor'),
  { name: 'npm start', command: ['npm', 'start'], ready: /^page\b/ },
]

/** From the start of the process to its line of readiness, and the resident memory of the whole process group then. */
export const start = async (): Promise<string> => {
  const rows: string[] = []
  for (const each of starts) {
    const seconds: number[] = []
    const mebibytes: number[] = []
    for (let round = 0; round <= rounds; round += 1) {
      const measured = await once(each)
      if (round === 0) continue
      seconds.push(measured.seconds)
      mebibytes.push(measured.mebibytes)
    }
    rows.push(`| ${each.name} | ${written(spreadOf(seconds), 2)} | ${written(spreadOf(mebibytes), 0)} |`)
  }
  return [
    `### Start, ${rounds} runs after one that is not counted`,
    '',
    '| | seconds to ready: median (min to max) | MiB resident then: median (min to max) |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

const once = async ({ name, command, ready }: Start): Promise<{ seconds: number; mebibytes: number }> => {
  const [file = '', ...args] = command
  const startMs = performance.now()
  const child = spawn(file, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    await lineOf(child, ready, name)
    const seconds = (performance.now() - startMs) / 1000
    return { seconds, mebibytes: residentMebibytes(child.pid ?? 0) }
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}

const lineOf = (child: ChildProcess, pattern: RegExp, name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} was not ready in ${readyDeadlineMs} ms`)), readyDeadlineMs)
    const seen: string[] = []
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => {
          seen.push(line)
          if (!pattern.test(line)) return
          clearTimeout(timer)
          resolve()
        })
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${seen.join('\n')}`)))
  })
