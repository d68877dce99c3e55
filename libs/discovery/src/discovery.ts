import type { ConsulConfig, RegistrationConfig } from '@armature/config/consul'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { createConsulClient } from './consul-client.ts'
import type { ConsulRegistrarOptions } from './consul-registrar.ts'
import { discoveryMetrics } from './discovery-metrics.ts'
import type { IgnoredAnswer } from './last-known-good.ts'
import { createRegistrar } from './registrar.ts'
import { type ClientTarget, createClientTarget } from './client-target.ts'
import type { Registrar } from './ports.ts'

/** The parts by which a service and its clients find each other, as the settings say. */
export interface Discovery {
  /** Undefined where no agent is named, or registration is off: nobody is told. */
  readonly registrar: Registrar | undefined
  /** The target for grpc-js that a client's setting names. Throws DiscoveryError. */
  target(text: string): ClientTarget
  /** Gives up what is under way. To be called after deregistration. Safe to call twice. */
  close(): void
}

/**
 * Nothing is asked yet. What happens is logged and counted: an agent that is away once when it goes and once when it is back,
 * an answer that was not believed once a service and reason.
 */
export const createDiscovery = (
  config: Partial<ConsulConfig> & Partial<RegistrationConfig>,
  telemetry: Pick<Telemetry, 'log' | 'metrics'>,
  { check }: Pick<ConsulRegistrarOptions, 'check'> = {},
): Discovery => {
  const { consulHttpAddr } = config
  const client = consulHttpAddr === undefined ? undefined : createConsulClient({ ...config, consulHttpAddr })
  return {
    registrar: createRegistrar(config, telemetry, check === undefined ? {} : { check }),
    target: (text) => createClientTarget(text, { consul: client, onIgnored: ignoredAnswerTeller(telemetry) }),
    close: () => client?.close(),
  }
}

type Tell = Pick<Telemetry, 'log' | 'metrics'>

const ignoredAnswerTeller = ({ log, metrics }: Tell): ((answer: IgnoredAnswer) => void) => {
  const told = new Set<string>()
  return ({ service, reason, kept, fault }) => {
    metrics.count(discoveryMetrics.discovery_held_answers_total, 1, { service, reason })
    const once = `${service} ${reason}`
    const say = told.has(once) ? log.debug : log.warn
    told.add(once)
    say({ err: fault, service, reason, kept }, 'what the registry said was not believed: calls go on as before')
  }
}
