import type { Message } from '@armature/messaging/message'
import type { SinkOutcome } from './sink.ts'

/** A body as sinks store it. */
export interface BodyText {
  /** The body as it came. */
  readonly text: string
  /** The same without a byte order mark, where that is JSON. */
  readonly json: string | undefined
  /** The content type says JSON: it cannot be stored as anything else. */
  readonly saysJson: boolean
}

type Rejected = Extract<SinkOutcome, { rejected: string }>

/** The body of a message, or why no sink can store it: it is not UTF-8, or not the JSON that its content type says. */
export const bodyTextOf = ({ body, headers }: Pick<Message, 'body' | 'headers'>): BodyText | Rejected => {
  let text: string
  try {
    text = utf8.decode(body)
  } catch {
    return { rejected: 'not-utf-8', problem: 'the body is not valid UTF-8' }
  }
  const candidate = text.startsWith(byteOrderMark) ? text.slice(1) : text
  const isJson = parses(candidate)
  const saysJson = /^application\/([\w.-]+\+)?json\b/i.test(headers['content-type'] ?? '')
  if (!isJson && saysJson)
    return { rejected: 'invalid-json', problem: 'the content type says JSON, and the body is not JSON' }
  return { text, json: isJson ? candidate : undefined, saysJson }
}

const byteOrderMark = '\ufeff'
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
