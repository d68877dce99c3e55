import { once } from 'node:events'
import { formatHostPort } from '@armature/async/host-port'
import { backoffMs } from '@armature/async/backoff'
import { jitterMs } from '@armature/async/jitter'
import type { AgentRegistration, Check, ConsulClient } from './consul-client.ts'
import type { Instance, Registrar, Registration } from './ports.ts'
import { tell } from './tell.ts'

/** The outcome of a registration; `fault` says why. */
export type RegistrationEvent =
  | { readonly kind: 'registered' | 'registered again' | 'deregistered'; readonly id: string }
  /** Its server does not have the gRPC health protocol: it was registered again, with a TCP check. */
  | { readonly kind: 'without health'; readonly id: string }
  /** 0 = it is not tried again: the instance leaves, and the agent finds out by its checks. */
  | { readonly kind: 'failed'; readonly id: string; readonly fault: unknown; readonly retryInMs: number }

export interface ConsulRegistrarOptions {
  client: Pick<ConsulClient, 'register' | 'deregister' | 'checkOutput'>
  /**
   * How the agent checks an instance. Default: the gRPC health protocol. With `grpc+tls` over TLS, whatever the certificate says: only
   * the answer counts. A gRPC server that answers that it does not have that protocol is checked by `tcp` from then on: only that a
   * connection opens. Choose `tcp` for what is no gRPC server, or asks for a certificate that the agent does not have. A URL is asked
   * by HTTP.
   */
  check?: 'grpc' | 'grpc+tls' | 'tcp' | `http${'' | 's'}://${string}`
  /** Between two checks, and at most between two looks whether the agent still knows the instance. Default 10 s. */
  checkIntervalMs?: number
  /** The agent forgets an instance that is critical for so long; Consul takes no less than a minute. Default 10 minutes. */
  deregisterAfterMs?: number
  /** Address and tags, for all. */
  advertiseHost?: string | undefined
  tags?: readonly string[]
  /** How long `register` waits for an agent that is away before it resolves. Default 2 s. */
  startWaitMs?: number
  onEvent?: (event: RegistrationEvent) => void
  /** 0 to 1. Default Math.random. */
  random?: () => number
}

const maxCheckTimeoutMs = 5_000
const leaveWaitMs = 2_000
const retryMinMs = 200
const retryMaxMs = 10_000
/** Between two looks, as a part of the check interval: sooner than the next check would come. */
const lookAfter = { min: 0.5, max: 0.9 }
/** The output of the agent's gRPC check for a server that answers, but has no `grpc.health.v1.Health`. */
const withoutHealth = /^rpc error: code = Unimplemented\b/

/**
 * Registers instances at a Consul agent and keeps them there: an agent that was restarted without its data, or was told to forget
 * an instance, has it again within one check interval. An agent that is away is tried on, with growing pauses of at
 * most 10 s and full jitter (never longer than the check interval), while the service goes on. `deregister` takes at most 2 s and never rejects.
 */
export const consulRegistrar = (options: ConsulRegistrarOptions): Registrar => {
  const { client, startWaitMs = 2_000, checkIntervalMs = 10_000, random } = options
  const onEvent = (event: RegistrationEvent): void => tell(options.onEvent, event)

  const register = async (instance: Instance): Promise<Registration> => {
    const { id } = instance
    const byTcp = registrationOf(instance, { ...options, checkIntervalMs, check: 'tcp' })
    let wanted = registrationOf(instance, { ...options, checkIntervalMs })
    const registered = Promise.withResolvers<undefined>()
    let turning = Promise.resolve()
    let timer: NodeJS.Timeout | undefined
    let leaving = false
    let left: Promise<void> | undefined
    let known = false
    let failures = 0

    const later = (delayMs: number): void => {
      if (leaving) return
      timer = setTimeout(() => {
        turning = turn()
      }, delayMs)
    }
    const turn = async (): Promise<void> => {
      try {
        const output = known ? await client.checkOutput(id) : undefined
        if (leaving) return
        const next = withoutHealth.test(output ?? '') ? byTcp : wanted
        if (output === undefined || next !== wanted) {
          await client.register(next)
          if (next !== wanted) onEvent({ kind: 'without health', id })
          wanted = next
          onEvent({ kind: known ? 'registered again' : 'registered', id })
          known = true
          registered.resolve(undefined)
        }
        failures = 0
        later(jitterMs(lookAfter.min * checkIntervalMs, lookAfter.max * checkIntervalMs, random))
      } catch (fault) {
        failures += 1
        // An event with 0 says that it is not tried again.
        const retryInMs = Math.max(1, backoffMs(retryMinMs, Math.min(retryMaxMs, checkIntervalMs), failures, random))
        onEvent({ kind: 'failed', id, fault, retryInMs })
        later(retryInMs)
      }
    }
    const leave = async (): Promise<void> => {
      leaving = true
      clearTimeout(timer)
      const limit = AbortSignal.timeout(leaveWaitMs)
      await Promise.race([turning, once(limit, 'abort')])
      try {
        await client.deregister(id, limit)
        onEvent({ kind: 'deregistered', id })
      } catch (fault) {
        onEvent({ kind: 'failed', id, fault, retryInMs: 0 })
      }
    }

    turning = turn()
    const waited = setTimeout(() => registered.resolve(undefined), startWaitMs)
    await registered.promise
    clearTimeout(waited)
    return { deregister: () => (left ??= leave()) }
  }
  return { register }
}

const registrationOf = (
  { id, service, host, port, tags = [], meta = {} }: Instance,
  {
    check = 'grpc',
    checkIntervalMs,
    deregisterAfterMs = 600_000,
    advertiseHost,
    tags: more = [],
  }: Omit<ConsulRegistrarOptions, 'client'> & { checkIntervalMs: number },
): AgentRegistration => {
  const everywhere = ['0.0.0.0', '::'].includes(host)
  return {
    id,
    service,
    host: advertiseHost ?? (everywhere ? undefined : host),
    port,
    tags: [...new Set([...tags, ...more])],
    meta,
    check: checkAt(check, formatHostPort(advertiseHost ?? (everywhere ? '127.0.0.1' : host), port)),
    checkIntervalMs,
    checkTimeoutMs: Math.min(checkIntervalMs, maxCheckTimeoutMs),
    deregisterAfterMs,
  }
}

const checkAt = (kind: NonNullable<ConsulRegistrarOptions['check']>, address: string): Check => {
  if (kind === 'grpc') return { grpc: address }
  if (kind === 'grpc+tls') return { grpc: address, grpcusetls: true, tlsskipverify: true }
  return kind === 'tcp' ? { tcp: address } : { http: kind }
}
