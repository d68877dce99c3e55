import { on, type Registration } from '@armature/messaging/on'
import { alerts } from '../events.ts'
import type { HandlerTools } from '../handler-tools.ts'

/** Logs each alert and keeps the last ones. */
export const logAlert = ({ handled }: Pick<HandlerTools, 'handled'>): Registration => {
  const { name: handler, topic, schema } = alerts
  return on(topic, { name: handler, schema, serial: 'key' }, ({ message, data, log }) => {
    const { status, name, severity, summary, startsAt, endsAt, value = NaN } = data
    handled.add({ id: message.id, status, name, severity, summary, value, time: message.time.toISOString() })
    const level = status === 'resolved' ? 'info' : severity === 'critical' ? 'error' : 'warn'
    log[level]({ alert: name, status, severity, startsAt, endsAt }, summary === '' ? `${name} ${status}` : summary)
  })
}
