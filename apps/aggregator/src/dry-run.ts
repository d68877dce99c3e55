import { compose } from '@armature/messaging/compose'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Middleware } from '@armature/messaging/ports'
import { createAggregate } from './aggregate.ts'
import { begunGroups } from './late.ts'
import {
  admission,
  type Pipeline,
  type PipelineEdges,
  type PipelinePlan,
  runningPipeline,
  withoutDeadLetters,
} from './pipeline.ts'

export interface DryRunEdges extends Omit<PipelineEdges, 'sink' | 'ledger'> {
  /** Gets a line of JSON for each group, late message and dead letter that there would be. */
  readonly show: (line: string) => void
}

const shownIds = 10

/**
 * A pipeline that shows what it would write. It reads as a subscriber of its own, from the oldest message that the broker has for such a one:
 * the place of its group stays where it is, and no other member misses a message.
 */
export const openDryRun = async (plan: PipelinePlan, edges: DryRunEdges): Promise<Pipeline> => {
  const { driver, telemetry, clock } = edges
  const { name: pipeline, topic, fold, late, maxInFlight, maxInFlightBytes } = plan
  const show = (line: object) => edges.show(JSON.stringify({ pipeline, ...line }))
  const aggregate = createAggregate({
    correlate: plan.correlate,
    policy: plan.policy,
    clock,
    maxOpenGroups: plan.maxOpenGroups,
    write: async ({ correlationKey: key, messages, mechanism: by }) => {
      const merged = fold?.merge(key, messages, pipeline)
      const ids = messages.slice(0, shownIds).map(({ id }) => id)
      const bytes = messages.reduce((sum, { body }) => sum + body.byteLength, 0)
      const document = merged && { document: JSON.parse(Buffer.from(merged.body).toString()) as unknown }
      show({ key, by, events: messages.length, bytes, ids, ...document })
      return messages.map(() => undefined)
    },
    ...(late && {
      late: { groups: begunGroups(late.maxMessages), send: async ({ id }) => show({ late: id, topic: late.topic }) },
    }),
  })
  const around = compose(withoutDeadLetters(plan, telemetry), shownDeadLetters(show), admission(plan, telemetry))
  const limits = { maxInFlight, maxInFlightBytes }
  const subscription = await driver.subscribe(topic, around(aggregate.handle), { ...limits, from: 'earliest' })
  return runningPipeline(pipeline, aggregate, subscription, { sinkFault: () => undefined, close: () => undefined })
}

const shownDeadLetters =
  (show: (line: object) => void): Middleware =>
  (next) =>
  async (delivery) => {
    try {
      if (delivery.undecodable !== undefined) throw delivery.undecodable
      await next(delivery)
    } catch (error) {
      if (!(error instanceof UnrecoverableError)) throw error
      show({ deadLetter: delivery.id, reason: error.reason, problem: error.message })
    }
  }
