import type { z } from 'zod'
import { checkedText, choice, integer, text } from '@armature/config/settings'
import { checkTopic } from '@armature/messaging/topic-pattern'
import type { ServiceError } from '@armature/service/faults'
import { usageError, type Program } from './broker-command.ts'
import { sinceOf } from './duration.ts'
import type { Letter } from './letter.ts'
import { letterFilter } from './letter-filter.ts'

/** Which letters a command is about. */
export const pickSettings = {
  id: text().optional().meta({ description: 'Only the letter with this id', env: 'DLQ_ID' }),
  filter: checkedText(letterFilter).optional().meta({
    description: 'Only letters that match, such as reason=timeout,error~refused,header.tenant=eu',
    env: 'DLQ_FILTER',
    accepts: 'a filter such as reason=timeout,error~refused',
  }),
  since: text()
    .refine((value) => sinceOf(value, 0) !== undefined, { error: 'is neither a duration nor a time' })
    .optional()
    .meta({
      description: 'Only letters stored since then: 2h (ago), 7d, or a time in ISO 8601',
      env: 'DLQ_SINCE',
      accepts: 'how long ago, such as 2h, or a time in ISO 8601',
    }),
}

export const formatSetting = choice(['text', 'json'])
  .default('text')
  .meta({ description: 'text = for people, json = an object a line', env: 'DLQ_FORMAT' })

export const maxLetters = integer({ min: 1, max: 1_000_000 }).meta({ description: 'Most letters', env: 'DLQ_MAX' })

type Pick = Readonly<z.infer<z.ZodObject<typeof pickSettings>>>

/** Whether the settings pick a letter. */
export const picked = ({ id, filter, since }: Pick, nowMs: number): ((letter: Letter) => boolean) => {
  const fits = filter === undefined ? undefined : letterFilter(filter)
  const from = since === undefined ? undefined : sinceOf(since, nowMs)
  return (letter) =>
    (id === undefined || letter.stored.id === id) &&
    (from === undefined || letter.stored.storedAt >= from) &&
    (fits?.(letter) ?? true)
}

/** The topic to which letters are published. */
export const toSetting = checkedText(checkTopic)
  .optional()
  .meta({ description: 'Topic to publish to, instead of the topic that a letter comes from', env: 'DLQ_TO' })

/** The topic that a command was given as its argument. */
export const topicArgument = { usage: 'TOPIC', min: 1, max: 1 }

/** A letter that was asked for and is not there. */
export const noLetter = ({ name }: Program, topic: string, id: string): ServiceError =>
  usageError(`there is no letter ${JSON.stringify(id)} in ${topic}`, `${name} dlq show ${topic} lists those that are`)
