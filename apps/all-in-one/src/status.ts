import type { Service } from '@armature/service/service'
import type { Status } from './page.ts'

export interface StatusSources {
  readonly services: () => readonly Service[]
  readonly alerts: () => Status['alerts']
  /** Monotonic, in milliseconds. */
  readonly nowMs?: () => number
}

/** The stage of each rate on the page, which counts its acknowledged items a second. */
const rated: Readonly<Record<string, string>> = {
  'search-service': 'searches',
  'log-shipper': 'lines shipped',
  aggregator: 'events stored',
}

/** A function that reads the services' own books; the rates are the change since it was asked before. */
export const statusOf = ({ services, alerts, nowMs = () => performance.now() }: StatusSources) => {
  let before = { atMs: nowMs(), acked: new Map<string, number>() }
  return (): Status => {
    const rows = services().map((service) => ({
      name: service.name,
      state: stateOf(service),
      ledger: service.ledger(),
    }))
    const atMs = nowMs()
    const acked = new Map(rows.flatMap(({ ledger }) => ledger.map((row) => [row.stage, row.acked])))
    const seconds = Math.max((atMs - before.atMs) / 1000, 0.001)
    const perSecond = Object.fromEntries(
      Object.entries(rated).map(([stage, what]) => [
        what,
        Math.round(((acked.get(stage) ?? 0) - (before.acked.get(stage) ?? 0)) / seconds),
      ]),
    )
    before = { atMs, acked }
    return { services: rows, alerts: alerts(), perSecond }
  }
}

const stateOf = (service: Service): string => {
  const reasons = service.notReady?.() ?? []
  return reasons.length === 0 ? 'ready' : reasons.map(({ check, reason }) => `${check}: ${reason}`).join(', ')
}
