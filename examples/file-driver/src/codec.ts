import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'

/** One message, as JSON. */
interface Line {
  readonly storedAtMs: number
  readonly headers: Readonly<Record<string, string>>
  /** Base64. */
  readonly body: string
}

/** The line of a message, without its end. Throws UnencodableError. */
export const encodeLine = (message: Message, source: string, storedAtMs: number): string => {
  const { headers, body } = encodeBinary(message, { style: 'http', source })
  return JSON.stringify({ storedAtMs, headers, body: Buffer.from(body).toString('base64') } satisfies Line)
}

/** The message of the line that begins at this byte. A line that is not ours is a message of another program: it is the body. */
export const decodeLine = (
  topic: string,
  offset: number,
  text: string,
): DecodedMessage & { readonly storedAtMs: number } => {
  const line = parse(text)
  const storedAtMs = line?.storedAtMs ?? 0
  const received = {
    topic,
    headers: line?.headers ?? {},
    body: line === undefined ? Buffer.from(text) : Buffer.from(line.body, 'base64'),
    receivedAt: line === undefined ? new Date() : new Date(storedAtMs),
    fallbackId: `${topic}+${offset}`,
  }
  return { ...decodeReceived(received, 'http'), storedAtMs }
}

const parse = (text: string): Line | undefined => {
  try {
    const { storedAtMs, headers, body } = JSON.parse(text) as Partial<Line>
    const isOurs = Number.isSafeInteger(storedAtMs) && typeof headers === 'object' && typeof body === 'string'
    return isOurs ? ({ storedAtMs, headers, body } as Line) : undefined
  } catch {
    return undefined
  }
}
