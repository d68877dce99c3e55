import { randomUUID } from 'node:crypto'
import type { Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'
import { SubscribeError } from '@armature/messaging/errors'
import type { StartPosition, Subscription } from '@armature/messaging/ports'
import type { Arrival } from '@armature/messaging-kit/arrival'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { Client } from './client.ts'
import { decodeRecord } from './codec.ts'
import type { Connection } from './connection.ts'
import type { WireDelivery, WireStart } from './protocol.ts'

const fetchRecords = 20
/** How often a subscription without a connection looks whether it is to stop. */
const lookMs = 1_000

export interface SubscriptionParts {
  readonly connection: Connection
  readonly request: SubscribeRequest
  /** How long subscribing waits for a connection, and how long the server may take to let a member go. */
  readonly connectWaitMs: number
  readonly closeWaitMs: number
  readonly clock: Clock
}

/** The place of the subscription at the server, which ends with the connection. */
interface Membership {
  readonly client: Client
  readonly number: number
}

interface Arrived extends Arrival {
  /** Gives it back at once. */
  giveBack(): void
}

/** Joins the group, and calls the handler from then on. Rejects with SubscribeError. */
export const openSubscription = async (parts: SubscriptionParts): Promise<Subscription> => {
  const { connection, request, connectWaitMs, closeWaitMs, clock } = parts
  const { topic: pattern, handle, settings } = request
  const group = request.group ?? `~${randomUUID()}`
  const window = deliveryWindow<Arrived>({ handle, settings, clock })
  let isStopping = false

  const join = async (waitMs: number): Promise<Membership> => {
    const client = await connection.connected(waitMs)
    return { client, number: await client.join(group, pattern, startOf(settings.from)) }
  }

  const arrivalOf = ({ client, number }: Membership, delivery: WireDelivery): Arrived => {
    const { tag, attempt, offset } = delivery
    // Where the connection is lost the server gives the message to somebody again.
    const tell = (told: Promise<void>) => void told.catch(() => undefined)
    return {
      ...decodeRecord(delivery),
      attempt,
      position: { partition: 0, offset },
      ack: () => tell(client.ack(number, tag)),
      reject: () => tell(client.nack(number, tag, settings.redeliveryDelayMs)),
      giveBack: () => tell(client.nack(number, tag, 0)),
    }
  }

  const readFrom = async (at: Membership) => {
    while (!isStopping) {
      await window.room()
      for (const delivery of await at.client.fetch(at.number, fetchRecords)) {
        const arrival = arrivalOf(at, delivery)
        await window.room()
        if (!window.offer(arrival)) arrival.giveBack()
      }
    }
  }

  let membership: Membership | undefined = await join(connectWaitMs).catch((cause: Error) => {
    throw new SubscribeError(pattern, cause.message, cause)
  })

  const reading = async () => {
    while (!isStopping) {
      try {
        membership ??= await join(lookMs)
        await readFrom(membership)
      } catch {
        // The server has given all that was unsettled to others, or will give it here again.
        membership = undefined
        window.takeBack(() => true)
      }
    }
  }
  const ended = reading()

  const tellServer = async (tell: (at: Membership) => Promise<void>) => {
    if (membership !== undefined)
      await within(
        closeWaitMs,
        tell(membership).catch(() => undefined),
      )
  }

  return subscriptionLife({
    stop: async () => {
      isStopping = true
      for (const arrival of window.stop()) arrival.giveBack()
      await tellServer(({ client, number }) => client.pause(number))
      await within(closeWaitMs, ended)
    },
    close: async () => {
      window.close()
      await tellServer(({ client, number }) => client.leave(number))
    },
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
}

const startOf = (from: StartPosition): WireStart =>
  typeof from === 'object' && 'time' in from ? { timeMs: from.time.getTime() } : from
