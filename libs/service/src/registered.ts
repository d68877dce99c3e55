import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Service } from './service.ts'

/** A service that is registered. */
export interface Registered {
  /** Resolves when they no longer find it. Safe to call twice. */
  deregister(): Promise<void>
}

/** Tells others where the admin server of a service is. Undefined where the settings say that nobody is to be told. */
export type RegisterAdmin<Config> = (
  config: Config,
  telemetry: Telemetry,
  admin: { readonly service: string; readonly host: string; readonly port: number },
) => Promise<Registered> | undefined

/** The service, of which others are told once it has started, and until the first step of its drain. */
export const registered = (service: Service, register: () => Promise<Registered> | undefined): Service => {
  const { name, ended } = service
  let registration: Registered | undefined
  return {
    name,
    ...(ended === undefined ? {} : { ended }),
    start: async (stopping) => {
      await service.start(stopping)
      registration = await register()
    },
    notReady: () => service.notReady?.() ?? [],
    deregister: async () => {
      await registration?.deregister()
      await service.deregister?.()
    },
    stopIntake: async () => service.stopIntake?.(),
    finish: async () => service.finish?.(),
    flush: async () => service.flush?.(),
    close: async () => {
      await registration?.deregister()
      await service.close()
    },
    ledger: () => service.ledger(),
  }
}
