import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver, Publisher } from '@armature/messaging/ports'
import type { Part } from '@armature/service/combine'
import type { Telemetry } from '@armature/telemetry/telemetry'

/** The part of a service that publishes. */
export type PublisherPart = Part & Pick<Publisher, 'publish'>

/** Opens a broker at the start, by a connection of its own, and publishes to it. `publish` rejects before the start. */
export const createPublisherPart = (open: () => Promise<Driver>, { metrics }: Telemetry): PublisherPart => {
  let driver: Driver | undefined
  return {
    start: async (stopping = new AbortController().signal) => {
      driver = await openedUnless(stopping, open())
      observeBroker(driver, metrics)
    },
    checks: brokerChecks,
    notReady: () => brokerNotReady(driver),
    publish: async (topic, messages) => {
      if (driver === undefined) throw new Error('publish was called before the start')
      await driver.publish(topic, messages)
    },
    close: async () => driver?.close(),
  }
}
