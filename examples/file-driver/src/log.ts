import { mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TopicError } from '@armature/messaging/errors'
import { maxLineBytes } from './settings.ts'

const ending = '.log'
const longestFileNameBytes = 255
const newline = 0x0a

/** One file for each topic, to which lines are added at the end. */
export interface Log {
  /** Throws TopicError for a topic that no file can be named after. */
  checkTopic(topic: string): void
  /** Resolves when the lines are on the disk. */
  append(topic: string, lines: readonly string[]): Promise<void>
  topics(): Promise<readonly string[]>
  /** How many bytes the topic has; 0 for one that is not there. */
  size(topic: string): Promise<number>
  /**
   * The lines that are complete and begin at this byte or later, some at a time: empty at the end. Rejects for one that is longer than
   * any of ours.
   */
  read(topic: string, from: number): Promise<readonly LogLine[]>
}

export interface LogLine {
  readonly text: string
  /** The offset of its first byte. */
  readonly offset: number
  /** The offset at which the next line begins. */
  readonly next: number
}

/** The log in this folder, which is made where it is not there. */
export const openLog = async (folder: string): Promise<Log> => {
  await mkdir(folder, { recursive: true })
  const fileOf = (topic: string) => join(folder, encodeURIComponent(topic) + ending)

  const size = async (topic: string): Promise<number> => {
    const file = await stat(fileOf(topic)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    return file?.size ?? 0
  }

  return {
    checkTopic: (topic) => {
      if (Buffer.byteLength(encodeURIComponent(topic) + ending) <= longestFileNameBytes) return
      throw new TopicError(topic, 'the topic is too long for the name of a file: use fewer characters')
    },
    append: async (topic, lines) => {
      const file = await open(fileOf(topic), 'a')
      try {
        // In one write, so that lines of other processes do not come between. The first newline ends what a killed process began.
        await file.appendFile(`\n${lines.join('\n')}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    topics: async () => {
      const names = await readdir(folder)
      return names
        .filter((name) => name.endsWith(ending))
        .map((name) => decodeURIComponent(name.slice(0, -ending.length)))
    },
    size,
    read: async (topic, from) => {
      const length = Math.min(maxLineBytes, (await size(topic)) - from)
      if (length <= 0) return []
      const file = await open(fileOf(topic))
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from).finally(() => file.close())
      const lines = linesOf(buffer.subarray(0, bytesRead), from)
      if (lines.length > 0 || bytesRead < maxLineBytes) return lines
      throw new Error(`the line at byte ${from} of ${topic} is longer than ${maxLineBytes} bytes`)
    },
  }
}

const linesOf = (bytes: Buffer, from: number): LogLine[] => {
  const lines: LogLine[] = []
  let start = 0
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    const text = bytes.toString('utf8', start, end)
    if (text !== '') lines.push({ text, offset: from + start, next: from + end + 1 })
    start = end + 1
  }
  return lines
}
