import type { Driver, Subscription } from '@armature/messaging/ports'
import { trace } from '@armature/messaging/trace'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { Config } from '../config.ts'
import type { Evaluation } from './evaluation.ts'
import { type Listener, openListener } from './listener.ts'

export interface SampleIntakeOptions {
  /** The group of the subscription. */
  readonly name: string
  readonly config: Config
  readonly driver: Driver
  readonly evaluation: Evaluation
}

export interface SampleIntake {
  readonly listener: Listener
  /** Undefined where the settings name no topic of samples. */
  readonly subscription: Subscription | undefined
}

/** Takes the samples of UDP and of the topic. Rejects with the error of `bind`. `onFault` is called when UDP fails later. */
export const openSampleIntake = async (
  { name, config, driver, evaluation }: SampleIntakeOptions,
  onFault: (fault: ServiceError) => void,
): Promise<SampleIntake> => {
  const handle = trace({ system: driver.scheme, group: name })(evaluation.handle)
  const { samplesTopic } = config
  const subscription =
    samplesTopic === undefined ? undefined : await driver.subscribe(samplesTopic, handle, { group: name })
  const listener = await openListener({
    host: config.statsdListenHost,
    port: config.statsdListenPort,
    maxPacketBytes: config.maxPacketBytes,
    onPacket: evaluation.packet,
    onOversized: evaluation.oversized,
    onError: (cause) => onFault(new ServiceError('the StatsD listener failed', { exitCode: exitCodes.io, cause })),
  })
  return { listener, subscription }
}
