import { randomUUID } from 'node:crypto'
import type { FinishedCall } from '@armature/service/grpc-interceptor'
import { createLedger, type Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Metadata } from '@grpc/grpc-js'
import { searchMetrics } from './search-metrics.ts'

/** The result of a handler, for the log line of its call. */
export interface Finding {
  readonly results: number
  /** Names and codes of the first results. */
  readonly first?: readonly { readonly name: string; readonly code: string }[]
}

/** The record of calls: a log line, the metrics and the books. Each call is in them once, whatever became of it. */
export interface CallLog {
  onStart(): void
  onFinish(call: FinishedCall): void
  /** Notes what was found; `metadata` says which call it is. */
  found(metadata: Metadata, finding: Finding): void
  /** Calls under way are read from `inFlight`, which the server counts by itself. */
  readonly ledger: Ledger
}

const maxFirst = 3

/**
 * A call counts as acked when it was answered, with whatever status, and as dropped (reason `cancelled`) when its client was
 * gone before that. The log line is of level info, or error where the fault is the server's.
 */
export const createCallLog = ({ log, metrics }: Telemetry, inFlight: () => number): CallLog => {
  const findings = new WeakMap<Metadata, Finding>()
  const ledger = createLedger({ stage: 'search-service', inFlight, metrics })

  return {
    ledger,
    onStart: () => ledger.received(),
    found: (metadata, finding) => void findings.set(metadata, finding),
    onFinish: ({ method, status, details, durationMs, answered, requestId, metadata }) => {
      if (answered) ledger.acked()
      else ledger.dropped('cancelled')
      const event = method.toLowerCase().endsWith('/monitor') ? 'monitor' : 'search'
      metrics.count(searchMetrics[`${event}_count`])
      metrics.time(searchMetrics[event], durationMs)
      const { results, first = [] } = findings.get(metadata) ?? { results: undefined }
      const fields = {
        event,
        eventId: randomUUID(),
        requestId,
        method,
        status,
        ...(status === 'OK' ? {} : { details: details.slice(0, 200) }),
        durationMs: Math.round(durationMs * 1_000) / 1_000,
        results,
        codes: first.slice(0, maxFirst).map(({ code }) => code),
        names: first.slice(0, maxFirst).map(({ name }) => name),
      }
      if (faults.has(status)) log.error(fields, event)
      else log.info(fields, event)
    },
  }
}

const faults: ReadonlySet<string> = new Set(['INTERNAL', 'UNKNOWN', 'UNAVAILABLE', 'DATA_LOSS'])
