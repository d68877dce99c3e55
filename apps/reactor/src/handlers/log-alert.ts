import * as z from 'zod'
import type { HandlerTools } from '../handler-tools.ts'
import { on, type Registration } from '@armature/messaging/on'

const maxTextLength = 500
const text = z.string().transform((value) => value.slice(0, maxTextLength))

/** The fields of an alert that are read. It may have more. */
const alertForm = z.object({
  status: z.enum(['firing', 'resolved']),
  name: text,
  severity: text.default('warning'),
  summary: text.default(''),
  startsAt: z.iso.datetime().optional(),
  endsAt: z.iso.datetime().nullish(),
  value: z.number().optional(),
})

/** Logs each alert and keeps the last ones. */
export const logAlert = ({ handled }: Pick<HandlerTools, 'handled'>): Registration =>
  on('alerts.>', { name: 'log-alert', schema: alertForm, serial: 'key' }, ({ message, data, log }) => {
    const { status, name, severity, summary, startsAt, endsAt, value = NaN } = data
    handled.add({ id: message.id, status, name, severity, summary, value, time: message.time.toISOString() })
    const level = status === 'resolved' ? 'info' : severity === 'critical' ? 'error' : 'warn'
    log[level]({ alert: name, status, severity, startsAt, endsAt }, summary === '' ? `${name} ${status}` : summary)
  })
