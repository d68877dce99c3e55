import type { ConsulConfig, RegistrationConfig } from '@armature/config/consul'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { openConsul } from './consul-client.ts'
import { consulRegistrar, type ConsulRegistrarOptions, type RegistrationEvent } from './consul-registrar.ts'
import type { Held } from './last-known-good.ts'
import { type OpenTarget, openTarget } from './open-target.ts'
import type { Registrar } from './ports.ts'

/** What a service and its clients need to find each other, as the settings say. */
export interface Discovery {
  /** Undefined where no agent is named, or registration is off: nobody is told. */
  readonly registrar: Registrar | undefined
  /** What a client's setting names, for grpc-js. Throws DiscoveryError. */
  target(text: string): OpenTarget
  /** Gives up what is under way. To be called after deregistration. Safe to call twice. */
  close(): void
}

/**
 * Nothing is asked yet. What happens is logged and counted: an agent that is away once when it goes and once when it is back,
 * an answer that was not believed once a service and reason.
 */
export const openDiscovery = (
  config: Partial<ConsulConfig> & Partial<RegistrationConfig>,
  telemetry: Pick<Telemetry, 'log' | 'metrics'>,
  { check }: Pick<ConsulRegistrarOptions, 'check'> = {},
): Discovery => {
  const { consulHttpAddr, consulRegister = true, consulTags: tags = [], advertiseHost } = config
  const { consulCheckIntervalMs: checkIntervalMs = 10_000, consulDeregisterAfterMs: deregisterAfterMs = 600_000 } =
    config
  const client = consulHttpAddr === undefined ? undefined : openConsul({ ...config, consulHttpAddr })
  const registrar =
    client === undefined || !consulRegister
      ? undefined
      : consulRegistrar({
          client,
          checkIntervalMs,
          deregisterAfterMs,
          advertiseHost,
          tags,
          onEvent: registrationTeller(telemetry),
          ...(check === undefined ? {} : { check }),
        })
  return {
    registrar,
    target: (text) => openTarget(text, { consul: client, onHeld: heldTeller(telemetry) }),
    close: () => client?.close(),
  }
}

type Tell = Pick<Telemetry, 'log' | 'metrics'>

const registrationTeller = ({ log, metrics }: Tell): ((event: RegistrationEvent) => void) => {
  const failing = new Set<string>()
  return (event) => {
    const { kind, id } = event
    metrics.count('discovery_registrations_total', 1, { outcome: kind.replace(' ', '_') })
    if (kind === 'failed') {
      const { fault: err, retryInMs } = event
      const say = failing.has(id) ? log.debug : log.warn
      failing.add(id)
      say({ err, id, retryInMs }, retryInMs === 0 ? 'left Consul without its consent' : 'not registered in Consul')
    } else {
      failing.delete(id)
      log.info({ id }, `${kind} in Consul`)
    }
  }
}

const heldTeller = ({ log, metrics }: Tell): ((held: Held) => void) => {
  const told = new Set<string>()
  return ({ service, reason, kept, fault }) => {
    metrics.count('discovery_held_answers_total', 1, { service, reason })
    const once = `${service} ${reason}`
    const say = told.has(once) ? log.debug : log.warn
    told.add(once)
    say({ err: fault, service, reason, kept }, 'what the registry said was not believed: calls go on as before')
  }
}
