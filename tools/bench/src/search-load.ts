import { fileURLToPath } from 'node:url'
import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** One call; rejects when it failed. */
export type Call = () => Promise<void>

export interface Measured {
  readonly callsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of a call, of the server and of the database. */
  readonly serverMs: number
  readonly databaseMs: number
}

export interface Meters {
  readonly serverMs: () => number
  readonly databaseMs: () => number
}

/** Calls without a pause for `durationMs`, `atOnce` of them at any time. */
export const measure = async (call: Call, atOnce: number, durationMs: number, meters: Meters): Promise<Measured> => {
  const before = [meters.serverMs(), meters.databaseMs()]
  const latenciesMs: number[] = []
  const startMs = performance.now()
  const endMs = startMs + durationMs
  const caller = async () => {
    for (let beganMs = performance.now(); beganMs < endMs;) {
      await call()
      const nowMs = performance.now()
      latenciesMs.push(nowMs - beganMs)
      beganMs = nowMs
    }
  }
  await Promise.all(Array.from({ length: atOnce }, caller))
  const tookMs = performance.now() - startMs
  const sorted = latenciesMs.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  const [serverMs = NaN, databaseMs = NaN] = [meters.serverMs(), meters.databaseMs()].map(
    (after, place) => (after - (before[place] ?? NaN)) / sorted.length,
  )
  return { callsPerSecond: (sorted.length * 1_000) / tookMs, p50Ms: at(0.5), p99Ms: at(0.99), serverMs, databaseMs }
}

type Stub = Client & Record<string, (request: object, done: (error: Error | null) => void) => void>

const stubOf = (proto: URL, path: readonly string[], port: number): Stub => {
  const found = path.reduce<unknown>(
    (within, name) => (within as Record<string, unknown>)[name],
    loadPackageDefinition(loadSync(fileURLToPath(proto))),
  ) as ServiceClientConstructor
  return new found(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as Stub
}

const caller = (stub: Stub, method: string, requestOf: () => object) => ({
  call: (): Promise<void> =>
    new Promise((resolve, reject) =>
      stub[method]?.(requestOf(), (error) => (error === null ? resolve() : reject(error))),
    ),
  close: () => stub.close(),
})

/** Calls of the older search API, which all contenders have. */
export const searchCaller = (port: number, requestOf: () => object) => {
  const proto = new URL('../../../apps/search-service/proto/search.proto', import.meta.url)
  return caller(stubOf(proto, ['Search'], port), 'search', requestOf)
}

export const echoCaller = (port: number) =>
  caller(stubOf(new URL('echo.proto', import.meta.url), ['bench', 'Echo'], port), 'Echo', () => ({ text: 'hello' }))

/** The same numbers each time, from 0 to 1: a linear congruence (Numerical Recipes). */
export const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}
