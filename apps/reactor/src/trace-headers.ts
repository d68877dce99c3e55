import type { Message } from '@armature/messaging/message'
import { inject } from '@armature/telemetry/tracing'

/** The span of the handler, else what the message says: the receiver joins the trace by the headers of W3C Trace Context. */
export const traceHeaders = ({
  headers: { traceparent, tracestate },
}: Pick<Message, 'headers'>): Readonly<Record<string, string>> => {
  if (traceparent === undefined) return inject({})
  return inject({ traceparent, ...(tracestate === undefined ? {} : { tracestate }) })
}
