import { systemClock, type Clock } from '@armature/async/clock'
import type { Settings } from '@armature/config/schema'
import type { Registration } from '@armature/messaging/on'
import type { Driver } from '@armature/messaging/ports'
import type { ConfigOf } from '@armature/service/command'
import { run as runService, type RunOptions } from '@armature/service/run'
import type { Service } from '@armature/service/service'
import type { Metrics } from '@armature/telemetry/metrics'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { createConsumer, type StartTools } from './consumer.ts'
import type { ConsumerConfig } from './consumer-settings.ts'

/** Opens the driver of a URL: `openDriver` of libs/messaging-drivers, or that of the one driver that the service brings. */
export type OpenMessaging = (
  url: string,
  options: { readonly source: string; readonly metrics: Metrics; readonly warn: (problem: string) => void },
) => Promise<Driver>

/** The tools that handlers are made from. */
export interface HandlerTools<Config> extends StartTools {
  readonly config: Config
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export interface RunConsumerOptions<S extends Settings> extends Omit<RunOptions<S>, 'service'> {
  readonly open: OpenMessaging
  /** Called once, at the start. It may open what the handlers need. What it rejects with ends the service. */
  readonly handlers: (tools: HandlerTools<ConfigOf<S>>) => readonly Registration[] | Promise<readonly Registration[]>
}

type WithConsumerSettings<S extends Settings> =
  ConfigOf<S> extends ConsumerConfig
    ? unknown
    : { settings: 'must have ...commonSettings, ...messagingSettings and ...consumerSettings(name)' }

/**
 * All of the `main.ts` of a service of handlers: reads the settings, opens the broker, runs the handlers until a signal stops it, drains,
 * and sets the exit code. `settings` hold `commonSettings`, `messagingSettings` and `consumerSettings(name)`. Never rejects.
 */
export const run = async <S extends Settings>(
  options: RunConsumerOptions<S> & WithConsumerSettings<S>,
): Promise<void> => {
  const service = (config: ConfigOf<S>) => consumerOf(options, config as ConfigOf<S> & ConsumerConfig)
  // The type of `options` says that the settings are right; TypeScript decides no conditional type of a type parameter.
  await runService({ ...options, service } as Parameters<typeof runService<S>>[0])
}

const consumerOf = <S extends Settings>(
  { name, open, handlers }: Pick<RunConsumerOptions<S>, 'name' | 'open' | 'handlers'>,
  config: ConfigOf<S> & ConsumerConfig,
): Service => {
  const telemetry = createTelemetry({ service: name, config })
  const { metrics, log } = telemetry
  const clock = systemClock()
  const source = `/armature/${name}`
  const openMessaging = () => open(config.messagingUrl, { source, metrics, warn: (problem) => log.warn(problem) })
  return createConsumer({
    name,
    config,
    edges: { telemetry, clock, openMessaging },
    handlers: async (tools) => handlers({ config, clock, telemetry, ...tools }),
  })
}
