import { open, readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { keptState } from './kept-state.ts'
import type { Kept } from './supervisor.ts'
import { type SupervisorClient, supervisorPlaces } from './supervisor-client.ts'
import { serverNames, unknownNames, unknownServer, withoutClusters } from './kinds.ts'
import { say } from './progress.ts'

const [success, usage, unavailable] = [0, 64, 69]
const progressPollMs = 200

const help = `Real servers on loopback and free ports, for tests and developers.

npm run -s servers -- up [--foreground] [--nodes 3] [NAME ...]
    starts them, all without names; prints 'export NAME_URL=...' lines; with --nodes clusters of so many
npm run -s servers -- status              what runs, and where
npm run -s servers -- logs NAME           what a server has written
npm run -s servers -- down [NAME ...]     ends them and removes their data, all without names

They go on when the shell ends, until 'down'. With --foreground until Ctrl-C.
  eval "$(npm run -s servers -- up nats kafka)"

The servers are ${serverNames.join(', ')}.`

/** Runs the command and resolves with its exit code: 0, 64 for a wrong word, 69 when a server cannot be had, 130 after Ctrl-C. */
export const serversCommand = async (args: readonly string[]): Promise<number> => {
  const parsed = parse(args)
  if (typeof parsed === 'string') {
    say(parsed)
    return usage
  }
  const { values, words } = parsed
  const [command, ...names] = words
  if (values.help === true) return print(help)
  const unknown = unknownNames(names)
  if (unknown.length > 0) {
    say(unknownServer(unknown))
    return usage
  }
  const state = keptState()
  if (command === 'up') {
    const problem = nodesProblem(values.nodes, names)
    if (problem === undefined) return up(state, names, values)
    say(problem)
    return usage
  }
  if (command === 'status') return status(await state.running())
  if (command === 'down') return down(state, names)
  const [name, ...more] = names
  if (command === 'logs' && name !== undefined && more.length === 0) return logs(await state.running(), name)
  say(command === 'logs' ? 'logs takes the name of one server.' : `${command ?? 'No command'}: see below.\n\n${help}`)
  return usage
}

const parse = (args: readonly string[]) => {
  const options = {
    help: { type: 'boolean', short: 'h' },
    foreground: { type: 'boolean' },
    nodes: { type: 'string' },
  } as const
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { values, words: positionals }
  } catch (fault) {
    return `${fault instanceof Error ? fault.message : String(fault)}\n\n${help}`
  }
}

/** The problem of `--nodes` for these servers. */
const nodesProblem = (given: string | undefined, names: readonly string[]): string | undefined => {
  if (given === undefined) return undefined
  if (!/^[1-7]$/.test(given)) return `--nodes ${given} is no number of nodes: give one from 1 to 7.`
  const single = withoutClusters(names.length === 0 ? serverNames : names)
  if (given === '1' || single.length === 0) return undefined
  const clusters = serverNames.filter((name) => !withoutClusters([name]).includes(name))
  return `${single.join(', ')} cannot have ${given} nodes: --nodes is for ${clusters.join(', ')}.`
}

type State = ReturnType<typeof keptState>

interface UpOptions {
  readonly foreground?: boolean
  readonly nodes?: string
}

const up = async (state: State, chosen: readonly string[], options: UpOptions): Promise<number> => {
  const { foreground = false } = options
  const nodes = options.nodes === undefined ? undefined : Number(options.nodes)
  const names = chosen.length === 0 ? serverNames : chosen
  const interrupt = interruption()
  const { supervisor, isNew } = await state.opened()
  const before = new Map((await supervisor.list()).map((kept) => [kept.name, kept]))
  const stopProgress = await followed(supervisorPlaces(supervisor.folder).progress)
  const startedMs = Date.now()
  const asks = names.map(async (name) => {
    try {
      const kept = await supervisor.ask(name, nodes)
      const runs = before.get(name)?.state === 'running'
      say(`${name} ${runs ? 'runs already' : `runs after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`}`)
      for (const [variable, value] of Object.entries(kept.variables)) console.log(`export ${variable}=${quoted(value)}`)
      return true
    } catch (fault) {
      if (interrupt.code === undefined) say(fault instanceof Error ? fault.message : String(fault))
      return false
    }
  })
  const outcomes = await Promise.race([Promise.all(asks), interrupt.came])
  if (outcomes === undefined || foreground) {
    if (outcomes !== undefined) say('Ctrl-C ends them.')
    await interrupt.came
    say('Interrupted: what was started is ended.')
    // The callers of each server learn that it is stopped.
    if (isNew) await state.ended()
    else await Promise.all(names.filter((name) => !before.has(name)).map((name) => supervisor.stop(name)))
    await stopProgress()
    return interrupt.code ?? success
  }
  await stopProgress()
  if (isNew && !outcomes.includes(true)) await state.ended()
  return outcomes.includes(false) ? unavailable : success
}

/** Ctrl-C and its like; npm delivers each twice. */
const interruption = () => {
  const { promise: came, resolve } = Promise.withResolvers<undefined>()
  const told: { came: Promise<undefined>; code: number | undefined } = { came, code: undefined }
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      told.code ??= code
      resolve(undefined)
    })
  }
  return told
}

/** Shows on stderr what is added to the file, until the function it gives is called. */
const followed = async (path: string): Promise<() => Promise<void>> => {
  const file = await open(path, 'r')
  let position = (await file.stat()).size
  const show = async () => {
    const { size } = await file.stat()
    if (size <= position) return
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - position), 0, size - position, position)
    position += bytesRead
    process.stderr.write(buffer.subarray(0, bytesRead))
  }
  let last = Promise.resolve()
  const timer = setInterval(() => {
    last = last.then(show)
  }, progressPollMs)
  return async () => {
    clearInterval(timer)
    await last.then(show)
    await file.close()
  }
}

const status = async (supervisor: SupervisorClient | undefined): Promise<number> => {
  const list = (await supervisor?.list()) ?? []
  if (list.length === 0) return print('No server runs.')
  const row = ({ name, state, since, variables, reason }: Kept) => {
    const [url = ''] = Object.values(variables)
    return [name, state, since, state === 'failed' ? (reason ?? '') : url]
  }
  return print(table([['NAME', 'STATE', 'SINCE', 'WHERE'], ...list.map(row)]))
}

const logs = async (supervisor: SupervisorClient | undefined, name: string): Promise<number> => {
  const text =
    supervisor && (await readFile(supervisorPlaces(supervisor.folder).logOf(name), 'utf8').catch(() => undefined))
  if (text === undefined) {
    say(`${name} has written nothing: it does not run. Start it with: npm run servers -- up ${name}`)
    return unavailable
  }
  process.stdout.write(text)
  return success
}

const down = async (state: State, names: readonly string[]): Promise<number> => {
  const supervisor = await state.running()
  const list = (await supervisor?.list()) ?? []
  const chosen = list.filter(({ name }) => names.length === 0 || names.includes(name)).map(({ name }) => name)
  if (supervisor !== undefined && chosen.length < list.length) await Promise.all(chosen.map(supervisor.stop))
  else await state.ended()
  say(chosen.length === 0 ? 'No server runs.' : `Ended ${chosen.join(', ')}.`)
  return success
}

const quoted = (value: string): string =>
  /^[\w.:,/@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const print = (text: string): number => {
  console.log(text)
  return success
}
