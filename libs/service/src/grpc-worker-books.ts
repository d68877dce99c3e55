import type { LedgerRow } from '@armature/telemetry/ledger'
import type { Family } from '@armature/telemetry/series'

/** The sum of rows of the same stage. */
export const sumOfBooks = (rows: readonly LedgerRow[]): readonly LedgerRow[] => {
  const stages = Map.groupBy(rows, ({ stage }) => stage)
  return [...stages].map(([stage, own]) => {
    const sum = (of: (row: LedgerRow) => number) => own.reduce((total, row) => total + of(row), 0)
    const reasons = new Set(own.flatMap(({ dropped }) => Object.keys(dropped)))
    return {
      stage,
      received: sum((row) => row.received),
      acked: sum((row) => row.acked),
      returned: sum((row) => row.returned),
      deadLettered: sum((row) => row.deadLettered),
      dropped: Object.fromEntries([...reasons].map((reason) => [reason, sum((row) => row.dropped[reason] ?? 0)])),
      inFlight: sum((row) => row.inFlight),
    }
  })
}

/** The books of a worker that is no more: what was in flight then is dropped. They are as old as its last word. */
export const closedBooks = (rows: readonly LedgerRow[]): readonly LedgerRow[] =>
  rows.map(({ inFlight, dropped, ...row }) => ({
    ...row,
    dropped: inFlight === 0 ? dropped : { ...dropped, crashed: (dropped['crashed'] ?? 0) + inFlight },
    inFlight: 0,
  }))

/** The metrics of several workers in one list, told apart by the label `worker`; `own` are those of the process itself, without it. */
export const metricsByWorker = (
  own: readonly Family[],
  workers: ReadonlyMap<number, readonly Family[]>,
): readonly Family[] => {
  const families = new Map(own.map((family) => [family.metric.name, family]))
  for (const [worker, each] of workers)
    for (const family of each) {
      const series = family.series.map((one) => ({ ...one, labels: { worker: String(worker), ...one.labels } }))
      const { name } = family.metric
      families.set(name, { ...family, series: [...(families.get(name)?.series ?? []), ...series] })
    }
  return [...families.values()].sort((one, other) => (one.metric.name < other.metric.name ? -1 : 1))
}
