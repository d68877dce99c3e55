import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { execute, onPath } from '@armature/servers/execute'
import { kafka } from '@armature/servers/kafka'
import { kcat } from '@armature/servers/kcat'
import { createTopic, heldMessages } from './broker-kafka.ts'
import { type Spread, spreadOf, written } from './compare.ts'
import { meterOf } from './processor-time.ts'

/** How a program ships a file of lines to a topic. */
interface Contender {
  readonly name: string
  /** Gets the file by a pipe. Default: it is named in the command. */
  readonly piped?: boolean
  /** Writes what the program needs into the folder, and answers its command. */
  command(job: ShipperJob): Promise<readonly string[]> | readonly string[]
}

interface ShipperJob {
  /** HOST:PORT of Kafka. */
  readonly broker: string
  readonly topic: string
  readonly file: string
  /** Of this run alone. */
  readonly folder: string
}

interface Measured {
  readonly linesPerSecond: number
  readonly processorSeconds: number
  /** The most that was resident. */
  readonly mebibytes: number
}

const lineBytes = 214
const sampleMs = 20
const runDeadlineMs = 600_000
const root = fileURLToPath(new URL('../../..', import.meta.url))
const { values } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { lines: { type: 'string' }, rounds: { type: 'string' }, filebeat: { type: 'string' } },
})
const lines = Number(values['lines'] ?? 1_000_000)
const rounds = Number(values['rounds'] ?? 5)

/**
 * A million log lines to Kafka, acks of all replicas, one partition: log-shipper with its spool on disk, from a pipe and from the file, kcat, and
 * Filebeat 7.17 where it is installed. Each is a process of its own, measured from its start to its end, when the broker holds all lines.
 */
export const shipper = async (): Promise<string> => {
  await execute(process.execPath, ['tools/bundle/src/main.ts', '@armature/log-shipper'], {
    deadlineMs: 300_000,
    cwd: root,
  })
  const contenders = await allContenders()
  const folder = await mkdtemp(join(tmpdir(), 'bench-shipper-'))
  const server = await kafka.start()
  try {
    const file = join(folder, 'lines')
    await writeLines(file)
    const results = contenders.map((): Measured[] => [])
    for (let round = 0; round <= rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        process.stderr.write(`  round ${round} of ${rounds}: ${contender.name} ...\n`)
        const measured = await measuredRun(contender, server.url, file, folder)
        // The first round is not counted.
        if (round > 0) results[index]?.push(measured)
      }
    }
    return tableOf(contenders, results)
  } finally {
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

const allContenders = async (): Promise<readonly Contender[]> => {
  const kcatPath = await kcat()
  const filebeat = typeof values['filebeat'] === 'string' ? values['filebeat'] : await onPath(['filebeat'])
  const found = [logShipper, logShipperOfFile, kcatContender(kcatPath)]
  if (filebeat !== undefined) return [...found, filebeatContender(filebeat)]
  process.stderr.write('Filebeat IS NOT MEASURED: put it on PATH or name it by --filebeat=PATH\n')
  return found
}

const logShipperCommand = ({ broker, topic, folder }: ShipperJob): readonly string[] => [
  ...[process.execPath, join(root, 'apps/log-shipper/dist/main.js')],
  ...['--messaging-url', `kafka://${broker}`, '-t', topic, '-q', '--spool-dir', join(folder, 'spool')],
]

const logShipper: Contender = {
  name: 'log-shipper, spool with fdatasync',
  piped: true,
  command: logShipperCommand,
}

const logShipperOfFile: Contender = {
  name: 'log-shipper from the file, spool with fdatasync',
  command: (job) => [...logShipperCommand(job), '--no-follow', '--file', job.file],
}

const kcatContender = (path: string): Contender => ({
  name: 'kcat -P, without a spool',
  piped: true,
  command: ({ broker, topic }) => [path, '-P', '-b', broker, '-t', topic, '-X', 'acks=all'],
})

/** Its own input of standard input does not end with `--once`: it reads the file, and keeps a place in it. */
const filebeatContender = (path: string): Contender => ({
  name: 'Filebeat 7.17, from the file',
  command: async ({ broker, topic, file, folder }) => {
    const config = join(folder, 'filebeat.yml')
    const settings = {
      'filebeat.inputs': [{ type: 'log', paths: [file], close_eof: true }],
      'output.kafka': { hosts: [broker], topic, required_acks: -1, 'codec.format.string': '%{[message]}' },
      'path.data': join(folder, 'data'),
      'path.logs': join(folder, 'logs'),
      'logging.level': 'error',
    }
    // JSON is YAML.
    await writeFile(config, JSON.stringify(settings), { mode: 0o600 })
    return [path, '--once', '--strict.perms=false', '-c', config]
  },
})

/** Lines of JSON, each as long as the others. */
const writeLines = async (file: string): Promise<void> => {
  const handle = await open(file, 'w')
  try {
    for (let first = 0; first < lines; first += 10_000) {
      const some = Array.from({ length: Math.min(10_000, lines - first) }, (_, index) => lineOf(first + index))
      await handle.write(`${some.join('\n')}\n`)
    }
  } finally {
    await handle.close()
  }
}

const lineOf = (number: number): string => {
  const entry = { level: 'info', time: 1_700_000_000_000 + number, pid: 4242, name: 'search', reqId: `req-${number}` }
  const whole = JSON.stringify({ ...entry, msg: 'request completed', method: 'POST', status: 200, pad: '' })
  return `${whole.slice(0, -2)}${'x'.repeat(lineBytes - 1 - whole.length)}"}`
}

const measuredRun = async (contender: Contender, url: string, file: string, parent: string): Promise<Measured> => {
  const folder = await mkdtemp(join(parent, 'run-'))
  const topic = `bench-${randomUUID()}`
  const remove = await createTopic({ url, topic })
  const command = await contender.command({ broker: new URL(url).host, topic, file, folder })
  const measured = await runOnce(command, contender.piped === true ? file : undefined)
  const held = await heldMessages({ url, topic })
  if (held !== lines) throw new Error(`${contender.name}: Kafka holds ${held} of ${lines} lines`)
  await remove()
  await rm(folder, { recursive: true })
  return measured
}

/** Runs the command to its end, with the file in a pipe where one is given. */
const runOnce = async (command: readonly string[], piped: string | undefined): Promise<Measured> => {
  const [script, ...args] =
    piped === undefined ? ['exec "$@"', 'bash', ...command] : ['exec "${@:2}" < <(cat "$1")', 'bash', piped, ...command]
  const startMs = performance.now()
  const child = spawn('bash', ['-c', script, ...args], { stdio: ['ignore', 'ignore', 'pipe'], timeout: runDeadlineMs })
  const errors: Buffer[] = []
  child.stderr.on('data', (data: Buffer) => errors.push(data))
  const pid = child.pid ?? 0
  let processorMs = 0
  let mebibytes = 0
  const sampling = setInterval(() => {
    processorMs = Math.max(processorMs, meterOf(pid)() || 0)
    mebibytes = Math.max(mebibytes, mostResidentMebibytes(pid))
  }, sampleMs)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => clearInterval(sampling))
  const seconds = (performance.now() - startMs) / 1_000
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}:\n${Buffer.concat(errors).toString()}`)
  return { linesPerSecond: lines / seconds, processorSeconds: processorMs / 1_000, mebibytes }
}

/** So far; 0 where the process is not there any more. */
const mostResidentMebibytes = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

const tableOf = (contenders: readonly Contender[], results: readonly (readonly Measured[])[]): string => {
  const spread = (own: readonly Measured[], of: (measured: Measured) => number): Spread => spreadOf(own.map(of))
  const first = results[0] ?? []
  const rows = contenders.map(({ name }, index) => {
    const own = results[index] ?? []
    const ratios = own.map(({ linesPerSecond }, round) => (first[round]?.linesPerSecond ?? NaN) / linesPerSecond)
    const cells = [
      written(
        spread(own, ({ linesPerSecond }) => linesPerSecond),
        0,
        1_000,
      ),
      written(
        spread(own, ({ processorSeconds }) => processorSeconds),
        1,
      ),
      written(
        spread(own, ({ mebibytes }) => mebibytes),
        0,
      ),
      index === 0 ? '' : written(spreadOf(ratios), 2),
    ]
    return `| ${name} | ${cells.join(' | ')} |`
  })
  return [
    `### ${lines.toLocaleString('en')} lines of ${lineBytes} B to Kafka, acks of all, ${rounds} runs after one that is not counted`,
    '',
    '| | thousand lines a second: median (min to max) | processor seconds | MiB resident at most | log-shipper / this |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}
