import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ghz } from '@armature/servers/clients'
import type { Meter } from './processor-time.ts'

const run = promisify(execFile)

/** A call, with the messages to send in turn, as proto3 JSON. */
export interface Job {
  readonly proto: string
  /** `Search.search` */
  readonly method: string
  readonly messages: readonly object[]
}

export interface Load {
  /** Calls at any time. */
  readonly atOnce: number
  /** Over which they are spread. */
  readonly connections: number
  readonly seconds: number
}

export interface Measured {
  readonly callsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time that a call cost, in milliseconds, of each meter. */
  readonly cpuMs: readonly number[]
}

const maxOutputBytes = 64 * 1024 * 1024
const messageSeed = 7
const numberOfMessages = 2_000

/** Calls without a pause by ghz, which is written in Go and has a process of its own. Rejects when a call failed. */
export const measure = async (
  { proto, method, messages }: Job,
  { port, folder }: { readonly port: number; readonly folder: string },
  { atOnce, connections, seconds }: Load,
  meters: readonly Meter[],
): Promise<Measured> => {
  const data = join(folder, 'messages.json')
  writeFileSync(data, JSON.stringify(messages))
  const args = ['--insecure', '--proto', proto, '--call', method, '-D', data, '-O', 'json', '--duration-stop', 'wait']
  args.push('-c', String(atOnce), '--connections', String(connections), '-z', `${seconds}s`, `127.0.0.1:${port}`)
  const before = meters.map((meter) => meter())
  const { stdout } = await run(await ghz(), args, { maxBuffer: maxOutputBytes })
  const spentMs = meters.map((meter, index) => meter() - (before[index] ?? NaN))
  const { count, rps, latencyDistribution, statusCodeDistribution } = JSON.parse(stdout) as Report
  if (Object.keys(statusCodeDistribution).join() !== 'OK') {
    throw new Error(`calls of ${method} failed: ${JSON.stringify(statusCodeDistribution)}`)
  }
  const at = (share: number) => (latencyDistribution.find((one) => one.percentage === share)?.latency ?? NaN) / 1e6
  return { callsPerSecond: rps, p50Ms: at(50), p99Ms: at(99), cpuMs: spentMs.map((ms) => ms / count) }
}

/** The parts of ghz's report that are read; times in nanoseconds. https://ghz.sh/docs/output */
interface Report {
  readonly count: number
  readonly rps: number
  readonly latencyDistribution: readonly { readonly percentage: number; readonly latency: number }[]
  readonly statusCodeDistribution: Readonly<Record<string, number>>
}

/** The older search API, which all contenders have. */
const search = {
  proto: fileURLToPath(new URL('../../../libs/search-api/proto/search.proto', import.meta.url)),
  method: 'Search.search',
}

const queries = ['fran', 'land', 'unit', 'ist', 'a1b', 'c3d', 'e9f', 'sao', 'gua', 'ger']

/** Points all over the inhabited latitudes, two thirds of them on sea; parts of names, as people type them. */
export const jobs = (): Record<'point' | 'name' | 'echo', Job> => {
  const random = seeded(messageSeed)
  const point = () => ({ lat: random() * 150 - 65, lng: random() * 358 - 179 })
  return {
    point: { ...search, messages: Array.from({ length: numberOfMessages }, point) },
    name: { ...search, messages: queries.map((query) => ({ query })) },
    echo: {
      proto: fileURLToPath(new URL('echo.proto', import.meta.url)),
      method: 'bench.Echo.Echo',
      messages: [{ text: 'hello' }],
    },
  }
}

/** The same numbers each time, from 0 to 1: a linear congruence (Numerical Recipes). */
const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}
