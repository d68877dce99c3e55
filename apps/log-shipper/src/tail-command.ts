import * as z from 'zod'
import { systemClock } from '@armature/async/clock'
import { messagingSettings } from '@armature/config/common'
import { checkedText, choice, durationMs, integer, list, text } from '@armature/config/settings'
import { usageError, withDriver } from '@armature/messaging-commands/broker-command'
import { sinceOf } from '@armature/messaging-commands/duration'
import { isTerminal } from '@armature/messaging-commands/terminal'
import { write } from '@armature/messaging-commands/write'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver, StartPosition } from '@armature/messaging/ports'
import { checkPattern, isPattern } from '@armature/messaging/topic-pattern'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerUrlOf, kafkaFlagFaults, kafkaFlags } from './kafka-flags.ts'
import { tail } from './tail.ts'
import { jsonOf, textOf } from './tail-format.ts'
import { parseCondition } from './tail-where.ts'

const time = () =>
  text()
    .refine((value) => sinceOf(value, 0) !== undefined, { error: 'is no time' })
    .optional()
const fromShape = /^(?:earliest|latest|offset:\d{1,15})$/

const settings = z
  .object({
    ...messagingSettings,
    brokers: kafkaFlags.brokers,
    topic: checkedText(checkPattern)
      .default('logs.>')
      .meta({ description: 'Topic to follow; * is one token, a last > the rest', short: 't', env: 'TAIL_TOPIC' }),
    where: list(checkedText((condition) => void parseCondition(condition)))
      .default([])
      .meta({ description: 'Lines to show, such as service=x,level>=warn (= != >= <= > < ~)', env: 'TAIL_WHERE' }),
    since: time().meta({
      description: 'Show what the broker keeps from then on: a duration ago, such as 10m, or an ISO 8601 time',
      env: 'TAIL_SINCE',
      accepts: 'a duration such as 10m or an ISO 8601 time',
    }),
    until: time().meta({
      description: 'End there: a duration ago, or an ISO 8601 time',
      env: 'TAIL_UNTIL',
      accepts: 'a duration such as 10m or an ISO 8601 time',
    }),
    from: text().regex(fromShape, { error: 'is not earliest, latest or offset:N' }).default('latest').meta({
      description: 'Where to begin: latest, earliest or offset:N (in each partition)',
      env: 'TAIL_FROM',
      accepts: 'earliest, latest or offset:N',
    }),
    format: choice(['text', 'json'])
      .default('text')
      .meta({ description: 'text = for people, json = an object a line', env: 'TAIL_FORMAT' }),
    windowMs: durationMs({ max: 60_000 })
      .default(200)
      .meta({ description: 'How long a line waits for earlier ones, in milliseconds', env: 'TAIL_WINDOW_MS' }),
    maxWindowLines: integer({ min: 1, max: 1_000_000 })
      .default(10_000)
      .meta({ description: 'Lines that wait for earlier ones at most', env: 'TAIL_MAX_WINDOW_LINES' }),
    noColor: text()
      .optional()
      .meta({ description: 'With any value, no colours (they are for a terminal only)', env: 'NO_COLOR' }),
  })
  .superRefine((config, context) => {
    for (const { path, problem } of kafkaFlagFaults(config))
      context.addIssue({ code: 'custom', path, message: problem })
    if (config.since !== undefined && config.from !== 'latest')
      context.addIssue({
        code: 'custom',
        path: ['from'],
        message: 'is given together with since: leave one of them out',
      })
  })

const program = {
  name: 'log-shipper',
  source: '/armature/log-shipper',
  open: openDriver,
  urlFlag: '-b HOST, or --messaging-url,',
}

/** `log-shipper tail`. */
export const tailCommand = command({
  summary: 'Follow the lines of a fleet, merged by time, without taking them from anyone',
  settings,
  run: (config, { stdout, stderr, signal }) =>
    withDriver(program, brokerUrlOf(config), { stderr }, async (driver) => {
      const { topic, where, format, since, until, windowMs, maxWindowLines, noColor } = config
      const clock = systemClock()
      const timeOf = (given: string | undefined) => (given === undefined ? undefined : sinceOf(given, clock.now()))
      const sinceTime = timeOf(since)
      const from = sinceTime === undefined ? startOf(config.from) : { time: sinceTime }
      checkDeclared(driver, topic, from, since === undefined ? '--from' : '--since')
      const isColoured = isTerminal(stdout) && noColor === undefined
      await tail(driver, {
        ...{ topic, from, windowMs, maxWindowLines, clock, signal },
        where: where.map(parseCondition),
        sinceMs: sinceTime?.getTime(),
        untilMs: timeOf(until)?.getTime(),
        show: async (lines) => {
          const texts = lines.map((line) => `${format === 'json' ? jsonOf(line) : textOf(line, isColoured)}\n`)
          await write(stdout, texts.join(''), signal)
        },
        onReady: () => void stderr.write(`following ${topic}\n`),
      })
      return exitCodes.ok
    }),
})

const startOf = (from: string): StartPosition =>
  from === 'earliest' || from === 'latest' ? from : { offset: Number(from.slice('offset:'.length)) }

const checkDeclared = ({ scheme, guarantees }: Driver, topic: string, from: StartPosition, flag: string): void => {
  if (from !== 'latest' && !guarantees.replay)
    throw usageError(
      `a ${scheme}: broker keeps nothing of what is past`,
      `Leave ${flag} out, or use kafka:, jetstream: or redis-streams:`,
    )
  if (isPattern(topic) && !guarantees.wildcards)
    throw usageError(`a ${scheme}: broker knows no wildcards here`, 'Name one topic by -t')
}
