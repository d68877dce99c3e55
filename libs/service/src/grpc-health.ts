import type { Server, UntypedServiceImplementation } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'

/** The time between two calls of `ready` while somebody watches. */
export const healthRefreshMs = 1_000

type Handle = (...call: unknown[]) => void

export interface GrpcHealth {
  /** Answers NOT_SERVING from now on. */
  stop(): void
}

/**
 * Serves grpc.health.v1: the overall status (empty name) and that of each service are SERVING while `ready` says so. It is
 * asked for every Check, and each second for those who Watch.
 */
export const addHealth = (server: Server, services: readonly string[], ready: () => boolean): GrpcHealth => {
  const names = ['', ...services]
  let serving = ready()
  let stopped = false
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, statusOf(serving)])))

  const refresh = (): void => {
    const now = !stopped && ready()
    if (now === serving) return
    serving = now
    for (const name of names) health.setStatus(name, statusOf(now))
  }
  health.addToServer({
    addService: (definition, implementation) => {
      const fresh: UntypedServiceImplementation = {}
      for (const [method, handle] of Object.entries(implementation) as [string, Handle][]) {
        fresh[method] = ((...call: unknown[]) => {
          refresh()
          handle(...call)
        }) as UntypedServiceImplementation[string]
      }
      server.addService(definition, fresh)
    },
  })
  const timer = setInterval(refresh, healthRefreshMs).unref()
  return {
    stop: () => {
      clearInterval(timer)
      stopped = true
      refresh()
    },
  }
}

const statusOf = (serving: boolean) => (serving ? 'SERVING' : 'NOT_SERVING')
