import { randomUUID } from 'node:crypto'
import { imbalance, type LedgerRow } from '@armature/telemetry/ledger'
import type { City } from './cities.ts'
import { forEachConcurrently } from './pool.ts'

/** The parts of the platform that a proof uses. A proof measures and never produces: each answer comes from the service that counted. */
export interface Provable {
  /** One call of the search API over gRPC; resolves to the ISO code of the first thing found ('' = none). */
  searchPoint(city: City, requestId: string): Promise<string>
  /** The next read of the store waits `delayMs`, once. */
  stallNextRead(delayMs: number): void
  ledger(): readonly LedgerRow[]
  /** Those of the ids that no row of the sink carries, and rows in all. */
  stored(requestIds: readonly string[]): Promise<{ missing: readonly string[]; rows: number }>
  /** Alerts that the reactor's handler has settled. */
  handledAlerts(): readonly { name: string; status: string; value: number }[]
  /** Writes of the log that found its pipe full. */
  droppedLogWrites(): number
}

export interface ProofOptions {
  readonly cities: readonly City[]
  readonly print: (line: string) => void
  /** Said often while the job runs. */
  readonly progress?: ((done: number, of: number) => void) | undefined
  readonly stallMs?: number
  /** How long the books may take to settle after the last call. */
  readonly settleDeadlineMs?: number | undefined
  /** Aborted: rejects with its reason soon. */
  readonly signal?: AbortSignal
}

const concurrency = 8
const minMatchPercent = 97
const pollMs = 200

/** Runs the bounded job, prints the ledger and the verdict, and resolves to whether everything held. */
export const prove = async (platform: Provable, options: ProofOptions): Promise<boolean> => {
  const { cities, print, progress, stallMs = 2000, settleDeadlineMs = 60_000, signal } = options
  const calls = cities.map((city) => ({ city, requestId: randomUUID() }))
  const requestIds = calls.map(({ requestId }) => requestId)
  const durationsMs: number[] = []
  const errors: string[] = []
  let matched = 0

  await forEachConcurrently(calls, concurrency, async ({ city, requestId }, index) => {
    signal?.throwIfAborted()
    if (index === Math.floor(calls.length / 2)) platform.stallNextRead(stallMs)
    const startMs = performance.now()
    try {
      if ((await platform.searchPoint(city, requestId)) === city.country) matched += 1
    } catch (error) {
      errors.push(`${city.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
    durationsMs.push(performance.now() - startMs)
    progress?.(durationsMs.length, calls.length)
  })

  const stallAlert = () => platform.handledAlerts().find(({ status, value }) => status === 'firing' && value >= stallMs)
  const settled = async () =>
    stallAlert() !== undefined &&
    platform.ledger().every(({ inFlight }) => inFlight === 0) &&
    (await platform.stored(requestIds)).missing.length === 0
  await until(settled, settleDeadlineMs, signal)

  const rows = platform.ledger()
  const { missing, rows: storedRows } = await platform.stored(requestIds)
  const alert = stallAlert()
  const matchPercent = (100 * matched) / calls.length
  const row = (stage: string) => rows.find((candidate) => candidate.stage === stage)
  const shippedLines = row('log-shipper')?.acked ?? 0

  printLedger(rows, print)
  const verdicts: readonly [holds: boolean, line: string][] = [
    [errors.length === 0, `${calls.length - errors.length} of ${calls.length} searches answered${firstOf(errors)}`],
    [rows.every((each) => imbalance(each) === 0), 'the books balance at every stage'],
    [rows.every((each) => each.inFlight === 0), 'nothing is in flight'],
    [rows.every((each) => droppedOf(each) === 0) && platform.droppedLogWrites() === 0, 'nothing was dropped'],
    [
      (row('search-service')?.acked ?? 0) >= calls.length &&
        shippedLines >= calls.length &&
        storedRows === shippedLines,
      `${shippedLines} log lines shipped, ${storedRows} stored`,
    ],
    [
      missing.length === 0,
      `${calls.length - missing.length} of ${calls.length} searches found at the sink${firstOf(missing)}`,
    ],
    [
      alert !== undefined,
      alert === undefined
        ? `no alert reported the ${stallMs} ms stall`
        : `alert '${alert.name}' reported the ${stallMs} ms stall (${Math.round(alert.value)} ms) and was handled`,
    ],
    [
      matchPercent >= minMatchPercent,
      `${matched} of ${calls.length} cities landed in their own country: ${matchPercent.toFixed(2)} % (at least ${minMatchPercent} %)`,
    ],
  ]
  for (const [holds, line] of verdicts) print(`${holds ? 'ok  ' : 'FAIL'}  ${line}`)
  print(
    `      search p50 ${percentile(durationsMs, 50)} ms, p99 ${percentile(durationsMs, 99)} ms, ${concurrency} at once`,
  )
  return verdicts.every(([holds]) => holds)
}

const until = async (holds: () => Promise<boolean>, deadlineMs: number, signal?: AbortSignal): Promise<void> => {
  const endMs = performance.now() + deadlineMs
  while (!(await holds()) && performance.now() < endMs) {
    signal?.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

const columns = ['received', 'acked', 'returned', 'dead-lettered', 'dropped', 'in flight'] as const

const printLedger = (rows: readonly LedgerRow[], print: (line: string) => void) => {
  const width = Math.max(5, ...rows.map(({ stage }) => stage.length))
  print(['stage'.padEnd(width), ...columns.map((name) => name.padStart(15))].join(''))
  for (const row of rows) {
    const figures = [row.received, row.acked, row.returned, row.deadLettered, droppedOf(row), row.inFlight]
    print([row.stage.padEnd(width), ...figures.map((figure) => String(figure).padStart(15))].join(''))
  }
}

const droppedOf = ({ dropped }: LedgerRow): number => Object.values(dropped).reduce((sum, count) => sum + count, 0)

const firstOf = (faults: readonly string[]): string => (faults.length === 0 ? '' : `; first: ${faults[0]}`)

/** Nearest-rank percentile, in milliseconds with one decimal. */
const percentile = (valuesMs: readonly number[], percent: number): string => {
  const sorted = valuesMs.toSorted((a, b) => a - b)
  return (sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0).toFixed(1)
}
