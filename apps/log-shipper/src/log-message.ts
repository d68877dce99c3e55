import { isJsonObject } from './json-object.ts'
import type { LineFault } from './lines.ts'
import { type Message, message } from '@armature/messaging/message'
import type { SpooledLine } from './spool-reader.ts'

export interface MessageOptions {
  readonly topic: string
  /** The CloudEvents `source`: where the lines come from. */
  readonly source: string
  /** Lines with one key keep their order. */
  readonly key: string
}

/** The reason in the dead letter of a line that is at fault. */
export const faultText: Readonly<Record<LineFault, string>> = {
  'too-long': 'the line is longer than maxLineBytes and was cut off',
  'not-utf8': 'the line is not valid UTF-8',
}

/**
 * The line as a message, its bytes unchanged. A line that is a JSON object (`isJsonObject`) is `application/json`, another one
 * `text/plain`, bytes that are no text `application/octet-stream`; of a cut line the header `cut-bytes` says how many are missing.
 */
export const lineMessage = (line: SpooledLine, { topic, source, key }: MessageOptions): Message =>
  message(topic, line.bytes, {
    id: line.id,
    key,
    time: new Date(line.timeMs),
    headers: {
      source,
      'content-type': contentType(line),
      ...(line.cutBytes > 0 ? { 'cut-bytes': String(line.cutBytes) } : {}),
    },
  })

const contentType = ({ bytes, fault }: SpooledLine): string => {
  if (fault !== undefined) return 'application/octet-stream'
  return isJsonObject(bytes) ? 'application/json' : 'text/plain; charset=utf-8'
}
