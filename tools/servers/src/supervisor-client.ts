import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Environment } from './execute.ts'
import type { Kept } from './supervisor.ts'
import { groupMembers } from './process-group.ts'

const folderPrefix = 'armature-servers-'
const startDeadlineMs = 30_000
const endDeadlineMs = 30_000
const pollMs = 20

/** The paths in a supervisor's folder. */
export const supervisorPlaces = (folder: string) => ({
  socket: join(folder, 'socket'),
  pidFile: join(folder, 'pid'),
  /** All data of all its servers. */
  data: join(folder, 'data'),
  /** The supervisor's own output: the progress of installations. */
  progress: join(folder, 'progress.log'),
  /** A server's output. */
  logOf: (name: string) => join(folder, `${name}.log`),
})

/** A supervisor, seen from other processes. */
export interface SupervisorClient {
  readonly folder: string
  /** Resolves when the server runs; rejects with one line that says why it does not. */
  ask(name: string, nodes?: number): Promise<Kept>
  list(): Promise<readonly Kept[]>
  stop(name: string): Promise<void>
  /** Ends all servers and the supervisor. */
  end(): Promise<void>
}

/** The supervisor of this folder; it must run already. */
export const supervisorAt = (folder: string): SupervisorClient => {
  const { socket } = supervisorPlaces(folder)
  return {
    folder,
    ask: async (name, nodes) =>
      (await call(socket, 'POST', nodes === undefined ? name : `${name}?nodes=${nodes}`)) as Kept,
    list: async () => (await call(socket, 'GET', '')) as readonly Kept[],
    stop: async (name) => void (await call(socket, 'DELETE', name)),
    end: async () => void (await call(socket, 'DELETE', '')),
  }
}

/** Starts a supervisor that ends with this process, however that ends; with it then ends the run that `env` marks. */
export const startBoundSupervisor = async (env: Environment = process.env): Promise<SupervisorClient> => {
  const folder = await newFolder()
  const child = spawn(process.execPath, [mainProgram, folder, 'bound'], {
    // A group of its own: what is sent to the whole run must not keep it from ending its servers.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...env },
  })
  child.unref()
  const exited = once(child, 'exit')
  const client = supervisorAt(folder)
  await answers(client, exited)
  return {
    ...client,
    end: async () => {
      child.ref()
      const late = setTimeout(() => child.kill('SIGKILL'), endDeadlineMs)
      await client.end().catch(() => child.stdin.end())
      await exited
      clearTimeout(late)
    },
  }
}

/** Starts a supervisor that outlives this process, until it is told to end. */
export const startSupervisor = async (): Promise<SupervisorClient & { readonly pid: number }> => {
  const folder = await newFolder()
  const progress = openSync(supervisorPlaces(folder).progress, 'a', 0o600)
  const child = spawn(process.execPath, [mainProgram, folder], {
    detached: true,
    stdio: ['ignore', progress, progress],
    cwd: folder,
  })
  child.unref()
  const client = supervisorAt(folder)
  await answers(client, once(child, 'exit'))
  return { ...client, pid: child.pid ?? -1 }
}

const mainProgram = join(import.meta.dirname, 'supervisor-main.ts')

const newFolder = async (): Promise<string> => {
  await removeAbandoned()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  await chmod(folder, 0o711)
  return folder
}

/** Folders of supervisors that were killed: their servers ended with them, their data did not. */
const removeAbandoned = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue
    const folder = join(tmpdir(), name)
    const pid = Number(await readFile(supervisorPlaces(folder).pidFile, 'utf8').catch(() => ''))
    if (pid > 0 && !isAlive(pid)) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Whether a supervisor of this process id runs: it leads a group of its own. */
export const isAlive = (pid: number): boolean => groupMembers(pid).length > 0

const answers = async (client: SupervisorClient, exited: Promise<unknown>): Promise<void> => {
  let gone = false
  void exited.then(() => (gone = true))
  const deadline = Date.now() + startDeadlineMs
  while (!gone && Date.now() < deadline) {
    const list = await client.list().catch(() => undefined)
    if (list !== undefined) return
    await pause(pollMs)
  }
  throw new Error(`the supervisor of the servers did not start: see what it wrote, and ${client.folder}`)
}

const call = (socketPath: string, method: string, name: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path: `/${name}` }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.once('error', reject)
      response.once('end', () => {
        const body = JSON.parse(text) as { reason?: string }
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(body.reason))
      })
    })
    asked.once('error', reject)
    asked.end()
  })
