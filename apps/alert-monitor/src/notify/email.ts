import type { HostPort } from '@armature/async/host-port'
import type { Integration, Notification } from '../dispatch/notification.ts'
import { linesOf, titleOf } from './webhook-message.ts'

export interface EmailOptions {
  readonly id: string
  readonly sendResolved: boolean
  /** Addresses with commas between. */
  readonly to: string
  readonly from: string
  /** By port 465 TLS begins at once. */
  readonly smarthost: HostPort
  readonly username: string | undefined
  /** Read for each mail, so that a file may be changed. */
  readonly password: () => Promise<string | undefined>
  /** No mail goes out unless the server takes TLS. */
  readonly requireTls: boolean
}

const stepLimitMs = 10_000
const maxLines = 100

/** Sends mails by SMTP. nodemailer is loaded with the first of them. */
export const emailIntegration = (options: EmailOptions): Integration => ({
  id: options.id,
  sendResolved: options.sendResolved,
  notify: async (notification, signal) => {
    const { createTransport } = await import('nodemailer')
    const { host, port } = options.smarthost
    const password = await options.password()
    const transport = createTransport({
      ...{ host, port, secure: port === 465, requireTLS: options.requireTls },
      ...(options.username !== undefined && { auth: { user: options.username, pass: password ?? '' } }),
      ...{ connectionTimeout: stepLimitMs, greetingTimeout: stepLimitMs, socketTimeout: stepLimitMs },
      // A text of an alert is text: it names no file and no URL to attach.
      ...{ disableFileAccess: true, disableUrlAccess: true },
    })
    const close = () => transport.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      await transport.sendMail(mailOf(options, notification))
    } finally {
      signal.removeEventListener('abort', close)
      close()
    }
  },
})

const mailOf = ({ to, from }: EmailOptions, notification: Notification) => ({
  ...{ to, from, subject: titleOf(notification) },
  text: `${linesOf(notification, maxLines).join('\n')}\n\n${labelsText(notification)}\n`,
})

const labelsText = ({ groupLabels }: Notification): string =>
  Object.entries(groupLabels)
    .map(([name, value]) => `${name}: ${value}`.replaceAll(/\s+/g, ' '))
    .join('\n')
