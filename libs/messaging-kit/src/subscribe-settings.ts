import { SubscribeError } from '@armature/messaging/errors'
import type { StartPosition, SubscribeOptions } from '@armature/messaging/ports'

/** The options of a subscription, checked and with their defaults. */
export interface SubscribeSettings {
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly serial: boolean
  readonly from: StartPosition
  readonly redeliveryDelayMs: number
}

const wholeNumber = (topic: string, name: string, value: number, least: number): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new SubscribeError(topic, `${name} is ${value}: give a whole number, ${least} or more`)
}

const start = (topic: string, from: StartPosition): StartPosition => {
  if (from === 'latest' || from === 'earliest') return from
  if (typeof from === 'object' && 'offset' in from) {
    wholeNumber(topic, 'from.offset', from.offset, 0)
    return from
  }
  if (typeof from === 'object' && from.time instanceof Date && !Number.isNaN(from.time.getTime())) return from
  throw new SubscribeError(topic, "from is none of 'latest', 'earliest', { offset: number } and { time: Date }")
}

/** Throws SubscribeError naming the option that is out of range. */
export const subscribeSettings = (topic: string, options: SubscribeOptions): SubscribeSettings => {
  const { group, maxInFlight = 1_000, maxInFlightBytes = 16 * 1024 * 1024, serial } = options
  if (group === '') throw new SubscribeError(topic, 'the group has an empty name: name it or leave it out')
  if (serial !== undefined && serial !== 'key') throw new SubscribeError(topic, "serial can only be 'key'")
  return {
    maxInFlight: wholeNumber(topic, 'maxInFlight', maxInFlight, 1),
    maxInFlightBytes: wholeNumber(topic, 'maxInFlightBytes', maxInFlightBytes, 1),
    serial: serial === 'key',
    from: start(topic, options.from ?? 'latest'),
    redeliveryDelayMs: wholeNumber(topic, 'redeliveryDelayMs', options.redeliveryDelayMs ?? 100, 0),
  }
}
