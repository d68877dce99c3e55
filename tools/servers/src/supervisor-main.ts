import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { supervisor as supervisorOf } from './supervisor.ts'
import { supervisorPlaces } from './supervisor-client.ts'
import { kinds, serverNames } from './kinds.ts'
import { marked, runVariable, signalAll } from './leftovers.ts'
import { startFrom } from './source.ts'

// The process that keeps servers: `node supervisor-main.ts FOLDER [bound]`. It answers on a socket in the folder, which also holds the servers'
// data. Bound, it ends when its stdin ends or its parent is another, so when the process that started it is gone, however that ended.
const supervisorVariable = 'ARMATURE_SUPERVISOR_MARK'
const endDeadlineMs = 15_000
const parentCheckMs = 1_000

const [folder = '', bound] = process.argv.slice(2)
const { socket, data, pidFile, logOf } = supervisorPlaces(folder)
const mark = randomUUID()
/** The mark that all processes of a server inherit, also those that install it. */
const markOf = (name: string) => `${mark}/${name}`
// Servers make their folders here, so that removing it removes them all. Some run as another user, who has to pass.
process.env['TMPDIR'] = data
for (const path of [folder, data]) {
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o711)
}
writeFileSync(pidFile, String(process.pid))

const supervisor = supervisorOf(kinds, {
  start: (kind, nodes) => startFrom(kind, { nodes, env: { ...process.env, [supervisorVariable]: markOf(kind.name) } }),
  interrupt: (name, byForce) => signalAll(marked(supervisorVariable, markOf(name)), byForce ? 'SIGKILL' : 'SIGTERM'),
  logOf,
})

const http = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://supervisor')
  const name = pathname.slice(1)
  const nodes = searchParams.get('nodes')
  const answer = (status: number, body: unknown) => {
    if (!response.destroyed) response.writeHead(status, { connection: 'close' }).end(JSON.stringify(body))
  }
  const job = async (): Promise<void> => {
    if (request.method === 'GET') return answer(200, supervisor.list())
    if (request.method === 'POST')
      return answer(200, await supervisor.ask(name, nodes === null ? undefined : Number(nodes)))
    if (name === '') {
      await end({ abandoned: false })
      response.once('finish', () => process.exit())
      return answer(200, {})
    }
    await supervisor.stop(name)
    answer(200, {})
  }
  job().catch((fault: unknown) => answer(503, { reason: fault instanceof Error ? fault.message : String(fault) }))
})
http.listen(socket, () => chmodSync(socket, 0o600))

if (bound === 'bound') {
  const abandon = () => endWith({ abandoned: true }, 0)
  process.stdin.resume().once('close', abandon)
  // On a busy machine a supervisor was seen to miss the end of its input.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) abandon()
  }, parentCheckMs)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => endWith({ abandoned: false }, 0))
}
process.once('uncaughtException', (fault) => {
  console.error(fault)
  endWith({ abandoned: false }, 70)
})

/** Ends all and then this process, with 70 where something could not be ended. */
function endWith(how: { abandoned: boolean }, exitCode: number): void {
  end(how).then(
    () => process.exit(exitCode),
    (fault: unknown) => {
      console.error(fault)
      process.exit(70)
    },
  )
}

let ending: Promise<void> | undefined
/** Ends all servers and installations and removes their data; of an abandoned run of tests every process. */
function end(how: { abandoned: boolean }): Promise<void> {
  ending ??= (async () => {
    await Promise.race([supervisor.end(), pause(endDeadlineMs)])
    for (const name of serverNames) signalAll(marked(supervisorVariable, markOf(name)), 'SIGKILL')
    const run = process.env[runVariable]
    if (how.abandoned && run !== undefined) signalAll(marked(runVariable, run), 'SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })()
  return ending
}
