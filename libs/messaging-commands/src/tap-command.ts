import * as z from 'zod'
import { checkedText, choice, decimal, integer } from '@armature/config/settings'
import { systemClock } from '@armature/async/clock'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { checkPattern, isPattern } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withDriver, type Program } from './broker-command.ts'
import { perSecondOf } from './duration.ts'
import { rateText } from './duration-settings.ts'
import { oneLine, shownBody } from './terminal-text.ts'
import { tap } from './tap.ts'
import { write } from './write.ts'

const settings = z.object({
  ...brokerSettings,
  topic: checkedText(checkPattern)
    .optional()
    .meta({ description: 'Topic to look at; * is one token, a last > the rest', short: 't', env: 'TAP_TOPIC' }),
  count: integer({ min: 1 })
    .optional()
    .meta({ description: 'Number of messages to show before it ends', env: 'TAP_COUNT' }),
  sample: decimal({ min: 0, max: 1 })
    .default(1)
    .meta({ description: 'Share of the messages to show, such as 0.1', env: 'TAP_SAMPLE' }),
  rate: rateText()
    .optional()
    .meta({ description: 'Most messages a second to show; the others are passed over', env: 'TAP_RATE' }),
  format: choice(['text', 'json'])
    .default('text')
    .meta({ description: 'text = for people, json = an object a line', env: 'TAP_FORMAT' }),
  from: choice(['latest', 'earliest'])
    .default('latest')
    .meta({ description: 'earliest = also the messages that the broker still keeps', env: 'TAP_FROM' }),
  maxBodyBytes: integer({ min: 0, max: 16_777_216 })
    .default(4_096)
    .meta({ description: 'Bytes of each body that are shown', env: 'TAP_MAX_BODY_BYTES' }),
})

/** `tap`. */
export const tapCommand = (program: Program): Command =>
  command({
    summary: 'Show messages as they pass, without taking them from anyone',
    settings,
    run: ({ messagingUrl, topic, rate, format, from, maxBodyBytes, ...rest }, io) => {
      if (topic === undefined) throw usageError('which topic?', 'Name one, or a pattern, by --topic')
      return withDriver(program, messagingUrl, io, async (driver) => {
        checkDeclared(driver, topic, from)
        const show = format === 'json' ? json : line
        const { shown, passedOver } = await tap(driver, {
          ...rest,
          topic,
          from,
          perSecond: rate === undefined ? undefined : perSecondOf(rate),
          clock: systemClock(),
          random: Math.random,
          signal: io.signal,
          show: (delivery) => write(io.stdout, `${show(delivery, maxBodyBytes)}\n`, io.signal),
          onReady: () => void io.stderr.write(`looking at ${topic}\n`),
        })
        if (passedOver > 0) io.stderr.write(`${shown} shown, ${passedOver} passed over\n`)
        return exitCodes.ok
      })
    },
  })

const checkDeclared = ({ scheme, guarantees }: Driver, topic: string, from: string): void => {
  if (from === 'earliest' && !guarantees.replay)
    throw usageError(`a ${scheme}: broker cannot show what is past`, 'Leave --from out')
  if (isPattern(topic) && !guarantees.wildcards)
    throw usageError(`a ${scheme}: broker knows no wildcards`, 'Name one topic')
}

const json = ({ id, topic, key, time, headers, body, position, undecodable }: Delivery, mostBytes: number): string =>
  JSON.stringify({
    ...{ id, topic, key, time, position, headers },
    undecodable: undecodable?.message,
    ...shownBody(body, mostBytes),
  })

const longestLine = 10_000

const line = ({ topic, key, body }: Delivery, mostBytes: number): string => {
  const { body: text, bytes, truncated } = shownBody(body, mostBytes)
  const about = [topic, ...(key === undefined ? [] : [`key=${key}`]), ...(truncated ? [`(${bytes} bytes)`] : [])]
  return oneLine(`${about.join(' ')}: ${text}`, longestLine)
}
