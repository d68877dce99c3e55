import { randomUUID } from 'node:crypto'
import { jsonMessage, type Message } from '@armature/messaging/message'

/** The name of the alert by which anybody sees that it is none. */
const name = 'smoke-test'

export interface TestAlert {
  readonly firing: Message
  readonly resolved: Message
}

/** An alert in the form of alert-monitor's, and its end. Nothing but its messages is left of it. */
export const testAlert = (startsAt: Date): TestAlert => {
  const fingerprint = `${name}-${randomUUID()}`
  const messageOf = (status: 'firing' | 'resolved', endsAt: Date | null): Message =>
    jsonMessage(
      `alerts.${name}`,
      {
        status,
        name,
        rule: 'none: this is a test',
        severity: 'info',
        labels: {},
        fingerprint,
        value: 1,
        threshold: 1,
        startsAt: startsAt.toISOString(),
        endsAt: endsAt?.toISOString() ?? null,
        summary: `test of the installation: nothing is wrong (${status})`,
      },
      {
        id: `${fingerprint}-${status}`,
        key: fingerprint,
        headers: { source: '/armature/cli', type: `armature.alert.${status}`, subject: name, status },
      },
    )
  return { firing: messageOf('firing', null), resolved: messageOf('resolved', startsAt) }
}
