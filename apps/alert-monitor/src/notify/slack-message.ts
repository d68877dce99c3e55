import type { Notification } from '../dispatch/notification.ts'
import { linesOf, titleOf } from './webhook-message.ts'

const maxLines = 20

/** The body of an incoming webhook of Slack, as Mattermost and Rocket.Chat read it too. */
export const slackMessage = (
  notification: Notification,
  { channel, username }: { readonly channel?: string | undefined; readonly username?: string | undefined },
) => ({
  ...(channel !== undefined && { channel }),
  ...(username !== undefined && { username }),
  attachments: [
    {
      title: escaped(titleOf(notification)),
      fallback: escaped(titleOf(notification)),
      text: escaped(linesOf(notification, maxLines).join('\n')),
      color: notification.status === 'firing' ? 'danger' : 'good',
      mrkdwn_in: [],
    },
  ],
})

/** Slack asks for these three: nothing in an alert is a link or calls a channel. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
