import { createHash } from 'node:crypto'
import { UnrecoverableError } from '@armature/messaging/errors'
import { identityOf } from '@armature/messaging/identity'
import { jsonMessage, type Message } from '@armature/messaging/message'
import * as z from 'zod'
import { fieldText, numberOf } from './condition.ts'
import { type Field, fieldOf, textOfField } from './field.ts'

const one = <Way extends string>(way: Way, description: string) =>
  z.strictObject({ [way]: fieldText() } as Record<Way, ReturnType<typeof fieldText>>).meta({ description })

/** How one field of the merged document is made of the messages of a group. */
export const foldFieldSchema = z.union([
  one('first', 'The value in the first message that has the field'),
  one('last', 'The value in the last message that has the field'),
  one('sum', 'The sum of the values, which are numbers'),
  one('count', 'How many messages have each value'),
])

export type FoldSettings = Readonly<Record<string, z.output<typeof foldFieldSchema>>>

/** Makes one message of a group. */
export interface Fold {
  /** Throws UnrecoverableError ('unmergeable') for a message that no group could be made with. */
  check(message: Message): void
  /**
   * The merged message: a body of JSON with the fields. A message that came twice counts once. The same messages in the same order make the
   * same id, so that a repeat is recognised.
   */
  merge(correlationKey: string, messages: readonly Message[], source: string): Message
}

/** A message that names no source has one that no other has. */
const unknownSource = ''

/** The fold that the settings describe, by the names of the fields of its document. */
export const foldOf = (settings: FoldSettings): Fold => {
  const fields = Object.entries(settings).map(([name, way]) => ({ name, ...foldFieldOf(way) }))
  return {
    check: (message) => {
      for (const { name, problem } of fields) {
        const found = problem?.(message)
        if (found !== undefined) throw new UnrecoverableError('unmergeable', `${name}: ${found}`)
      }
    },
    merge: (correlationKey, messages, source) => {
      const distinct = [...new Map(messages.map((message) => [identityOf(message, unknownSource), message])).values()]
      const body = Object.fromEntries(fields.map(({ name, valueOf }) => [name, valueOf(distinct)]))
      const id = createHash('sha256').update(
        JSON.stringify([correlationKey, distinct.map((message) => identityOf(message, unknownSource)), body]),
      )
      const timeMs = Math.max(...distinct.map(({ time }) => time.getTime()))
      return jsonMessage(distinct[0]?.topic ?? '', body, {
        id: id.digest('hex').slice(0, 32),
        key: correlationKey,
        time: new Date(timeMs),
        headers: { source },
      })
    },
  }
}

interface FoldField {
  /** The value in the document; undefined leaves it out. */
  valueOf(messages: readonly Message[]): unknown
  /** Why no value can be made with the message. */
  problem?(message: Message): string | undefined
}

const foldFieldOf = (way: z.output<typeof foldFieldSchema>): FoldField => {
  if ('first' in way) return firstOf(fieldOf(way.first))
  if ('last' in way) return lastOf(fieldOf(way.last))
  if ('sum' in way) return sumOf(way.sum, fieldOf(way.sum))
  return countOf(fieldOf(way.count))
}

const firstOf = (field: Field): FoldField => ({
  valueOf: (messages) => messages.map(field).find((value) => value !== undefined),
})

const lastOf = (field: Field): FoldField => ({
  valueOf: (messages) => messages.map(field).findLast((value) => value !== undefined),
})

const sumOf = (text: string, field: Field): FoldField => ({
  valueOf: (messages) => messages.reduce((sum, message) => sum + (numberOf(field(message)) ?? 0), 0),
  problem: (message) => (numberOf(field(message)) === undefined ? `${text} is no number` : undefined),
})

const countOf = (field: Field): FoldField => ({
  valueOf: (messages) => {
    const counts = new Map<string, number>()
    for (const message of messages) {
      const value = textOfField(field(message))
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    return Object.fromEntries(counts)
  },
})
