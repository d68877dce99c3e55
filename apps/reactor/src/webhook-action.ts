import { hash } from 'node:crypto'
import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { UnrecoverableError } from '@armature/messaging/errors'
import { identityOf } from '@armature/messaging/identity'
import type { Message } from '@armature/messaging/message'
import type { Reaction } from '@armature/messaging/on'
import { createWebhook, type WebhookOptions, type WebhookRequest, WebhookError } from '@armature/webhook/webhook'
import { traceHeaders } from './trace-headers.ts'

/**
 * A handler that posts each message as an HTTP CloudEvent in binary mode: `on('alerts.>', { name: 'tell' }, webhookAction({ url, ... }))`. It
 * rejects with UnrecoverableError when the other side will not take the message, else with WebhookError when it could not be posted in as many
 * attempts as the options allow. A signed request has the same `webhook-id` whenever the same message is posted. Throws TypeError for a bad
 * URL, secret or network.
 */
export const webhookAction = (options: WebhookOptions) => {
  const webhook = createWebhook(options)
  return async ({
    message,
    signal,
  }: Pick<Reaction<unknown>, 'signal'> & { readonly message: Message }): Promise<void> => {
    const request = requestOf(message)
    try {
      await webhook(request, signal)
    } catch (error) {
      if (!(error instanceof WebhookError) || error.retryable) throw error
      throw new UnrecoverableError(error.reason, error.message, { cause: error })
    }
  }
}

/**
 * Only the attributes go out: no other header of a message can set `content-length` or the like. An extension named
 * `authorization` goes out as `ce-authorization`.
 */
const requestOf = (message: Message): WebhookRequest => {
  try {
    const { headers } = encodeBinary(message, { style: 'http', source: '/armature/reactor' })
    const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-') || name === 'content-type')
    const id = `msg_${hash('sha256', identityOf(message, message.topic), 'hex').slice(0, 32)}`
    return { id, headers: { ...Object.fromEntries(attributes), ...traceHeaders(message) }, body: message.body }
  } catch (error) {
    throw new UnrecoverableError('bad-header', 'the message has a header that HTTP cannot carry', { cause: error })
  }
}
