import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Service } from './service.ts'

type Optional =
  'checks' | 'notReady' | 'deregister' | 'stopIntake' | 'finish' | 'flush' | 'ledger' | 'addresses' | 'waitsFor'

/** A part of a service, such as its store, its API or its handlers: the hooks of `Service` that it has a use for. */
export type Part = Pick<Service, 'start' | 'close'> & Partial<Pick<Service, Optional>>

/**
 * One service of several parts. They start in their order, so a part may use those before it, and close in the opposite order. In the drain all
 * parts stop their intake at once, and what is in flight in any of them is waited for.
 */
export const combine = (name: string, telemetry: Telemetry, parts: readonly Part[]): Service => {
  const each = async (hook: 'deregister' | 'stopIntake' | 'finish' | 'flush'): Promise<void> => {
    await Promise.all(parts.map(async (part) => part[hook]?.()))
  }
  return {
    name,
    telemetry,
    start: async (stopping) => {
      for (const part of parts) await part.start(stopping)
    },
    checks: [...new Set(parts.flatMap(({ checks = [] }) => checks))],
    notReady: () => parts.flatMap((part) => part.notReady?.() ?? []),
    deregister: () => each('deregister'),
    stopIntake: () => each('stopIntake'),
    finish: () => each('finish'),
    flush: () => each('flush'),
    close: async () => {
      const faults: unknown[] = []
      for (const part of parts.toReversed()) await part.close().catch((fault: unknown) => faults.push(fault))
      if (faults.length > 0)
        throw faults.length === 1 ? faults[0] : new AggregateError(faults, `${name} could not close`)
    },
    ledger: () => parts.flatMap((part) => part.ledger?.() ?? []),
    addresses: () => parts.flatMap((part) => part.addresses?.() ?? []),
    get waitsFor() {
      return parts.flatMap(({ waitsFor }) => waitsFor ?? []).join('; ')
    },
  }
}
