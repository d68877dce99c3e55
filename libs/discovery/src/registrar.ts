import { randomUUID } from 'node:crypto'
import { formatHostPort } from '@armature/async/host-port'
import type { ConsulConfig, RegistrationConfig } from '@armature/config/consul'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { createConsulClient } from './consul-client.ts'
import { consulRegistrar, type ConsulRegistrarOptions, type RegistrationEvent } from './consul-registrar.ts'
import { discoveryMetrics } from './discovery-metrics.ts'
import type { Registrar, Registration } from './ports.ts'

type Config = Partial<ConsulConfig> & Partial<RegistrationConfig>
type Tell = Pick<Telemetry, 'log' | 'metrics'>

/**
 * Registers at the agent that the settings name; undefined where they name none, or registration is off: nobody is told. Each registration
 * has a client of its own, which ends with it. What happens is logged and counted: an agent that is away once when it goes and once when it
 * is back.
 */
export const createRegistrar = (
  config: Config,
  telemetry: Tell,
  options: Pick<ConsulRegistrarOptions, 'check'> = {},
): Registrar | undefined => {
  const { consulHttpAddr, consulRegister = true, consulTags: tags = [], advertiseHost } = config
  const { consulCheckIntervalMs: checkIntervalMs = 10_000, consulDeregisterAfterMs: deregisterAfterMs = 600_000 } =
    config
  if (consulHttpAddr === undefined || !consulRegister) return undefined
  return {
    register: async (instance) => {
      const client = createConsulClient({ ...config, consulHttpAddr })
      const onEvent = registrationTeller(telemetry)
      const registrar = consulRegistrar({
        ...options,
        client,
        checkIntervalMs,
        deregisterAfterMs,
        advertiseHost,
        tags,
        onEvent,
      })
      const registration = await registrar.register(instance)
      return {
        deregister: async () => {
          await registration.deregister()
          client.close()
        },
      }
    },
  }
}

/**
 * For `run({ registerAdmin, ... })`: registers a service that has no port of its own by its admin server, which the agent asks whether it
 * is ready. Undefined where nobody is to be told.
 */
export const registerAdmin = (
  config: Config,
  telemetry: Tell,
  { service, host, port }: { readonly service: string; readonly host: string; readonly port: number },
): Promise<Registration> | undefined => {
  const asked = config.advertiseHost ?? ({ '0.0.0.0': '127.0.0.1', '::': '::1' }[host] || host)
  const check = `http://${formatHostPort(asked, port)}/readyz` as const
  const registrar = createRegistrar(config, telemetry, { check })
  return registrar?.register({ id: `${service}-${randomUUID()}`, service, host, port })
}

const registrationTeller = ({ log, metrics }: Tell): ((event: RegistrationEvent) => void) => {
  const failing = new Set<string>()
  return (event) => {
    const { kind, id } = event
    if (kind === 'without health') {
      log.warn({ id }, 'the server has no gRPC health service: Consul only checks that it accepts TCP connections')
      return
    }
    metrics.count(discoveryMetrics.discovery_registrations_total, 1, { outcome: kind.replace(' ', '_') })
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
