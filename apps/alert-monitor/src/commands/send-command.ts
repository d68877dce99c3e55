import { choice, integer, list, text, toggle } from '@armature/config/settings'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { jetstreamUrlOf } from '@armature/messaging-drivers/open-key-value'
import { type Program, usageError, withDriver } from '@armature/messaging-commands/broker-command'
import { durationMsOf } from '@armature/messaging-commands/duration'
import { durationText } from '@armature/messaging-commands/duration-settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { brokerSettings, brokerUrlOf } from './broker-settings.ts'
import { send } from './send.ts'

/** The topic of those who name none. */
export const defaultTopic = 'some_event'
export const maxCount = 10_000_000

const settings = z.object({
  ...brokerSettings,
  on: text().default(defaultTopic).meta({ description: 'Topic to publish to', short: 't', env: 'SEND_ON' }),
  count: integer({ min: 1, max: maxCount })
    .default(1)
    .meta({ description: 'Number of copies to send', env: 'SEND_COUNT' }),
  severity: choice(['info', 'warning', 'critical'])
    .optional()
    .meta({ description: 'Sent as the attribute severitytext', env: 'SEND_SEVERITY' }),
  label: list(text()).default([]).meta({
    description: 'NAME=VALUE, sent as the header label-NAME; may be repeated',
    env: 'SEND_LABEL',
    commas: false,
  }),
  sleep: durationText().optional().meta({ description: 'Wait between two messages, such as 10ms', env: 'SEND_SLEEP' }),
  ack: toggle()
    .default(false)
    .meta({ description: 'Wait until the server keeps the message: NATS needs JetStream', env: 'SEND_ACK' }),
})

/** `send`. */
export const sendCommand = (program: Program): Command =>
  command({
    summary: 'Publish MESSAGE to a topic',
    settings,
    positionals: { usage: 'MESSAGE', min: 1, max: 1 },
    run: (
      { on = defaultTopic, count, severity, label = [], sleep, ack, ...broker },
      { positionals: [body = ''], ...io },
    ) => {
      const headers = { ...labelHeaders(label), ...(severity !== undefined && { severitytext: severity }) }
      const sleepMs = sleep === undefined ? 0 : (durationMsOf(sleep) ?? 0)
      const url = brokerUrlOf(broker)
      return withDriver(program, ack === true ? (jetstreamUrlOf(url) ?? url) : url, io, async (driver) => {
        checkTopic(on)
        if (ack === true && !driver.guarantees.atLeastOnce)
          throw usageError(`a ${driver.scheme}: broker keeps no message`, 'Leave --ack out, or name a broker that does')
        const sent = await send(driver, { on, body, headers, count, sleepMs, signal: io.signal })
        return sent === count ? exitCodes.ok : exitCodes.temporary
      })
    },
  })

const maxLabels = 50

const labelHeaders = (labels: readonly string[]): Readonly<Record<string, string>> => {
  if (labels.length > maxLabels) throw usageError(`there are more than ${maxLabels} labels`, 'Leave some out')
  return Object.fromEntries(
    labels.map((written) => {
      const [, name, value = ''] = /^([a-z0-9_.-]{1,100})=(.{0,1000})$/i.exec(written) ?? []
      if (name === undefined)
        throw usageError(
          `${JSON.stringify(written.slice(0, 100))} is no label`,
          'Write NAME=VALUE, the name in letters, digits and _ . -',
        )
      return [`label-${name.toLowerCase()}`, value]
    }),
  )
}
