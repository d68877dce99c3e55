import type { HandlerTools } from './handler-tools.ts'
import { forwardToWebhook } from './handlers/forward-to-webhook.ts'
import { logAlert } from './handlers/log-alert.ts'
import type { Registration } from '@armature/messaging/on'

/** Every handler of the reactor. To add one: a file in handlers/ that exports a function of the tools, and its name here. */
export const handlers = (tools: HandlerTools): readonly Registration[] =>
  [logAlert, forwardToWebhook].map((create) => create(tools)).filter((each) => each !== undefined)
