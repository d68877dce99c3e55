import { mkdir, unlink, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Cancel, Clock } from '@armature/async/clock'
import { bodyTextOf } from './body-text.ts'
import type { FileTarget } from './file-target.ts'
import { type NdjsonFile, openNdjsonFile, repairFolder } from './ndjson-file.ts'
import type { OpenedSink } from './open-opensearch.ts'
import type { SinkItem, SinkOutcome } from './sink.ts'

/**
 * Writes events to NDJSON files of a folder, a line an event. Files that killed processes of this machine left are repaired first. Does not
 * recognise repeats: each line has the source and id by which a reader drops them. Rejects as the file system does.
 */
export const openFileSink = async (target: FileTarget, clock: Clock): Promise<OpenedSink> => {
  const { folder, rotateBytes, rotateMs } = target
  await mkdir(folder, { recursive: true })
  await repairFolder(folder)
  let file: NdjsonFile | undefined
  let cancelTimer: Cancel = () => undefined
  /** One step at a time, also where a caller does not wait for the one before. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const turn = last.then(step)
    last = turn.catch(() => undefined)
    return turn
  }

  const rotate = async (): Promise<void> => {
    cancelTimer()
    const complete = file
    file = undefined
    await complete?.complete()
  }

  const current = async (): Promise<NdjsonFile> => {
    if (file !== undefined) return file
    const opened = await openNdjsonFile(folder, new Date(clock.now()))
    cancelTimer = clock.after(rotateMs, () => void inTurn(rotate).catch(() => undefined))
    return (file = opened)
  }

  const append = async (lines: Buffer): Promise<void> => {
    try {
      await (await current()).append(lines)
    } catch (error) {
      // The next write begins a new file; this one ends after its last whole line.
      await rotate().catch(() => undefined)
      throw error
    }
    if (file !== undefined && file.bytes >= rotateBytes) await rotate()
  }

  return {
    sink: {
      write: async (batch, signal) => {
        const receivedAt = new Date(clock.now()).toISOString()
        const lines = batch.map((item) => lineOf(item, receivedAt))
        const texts = lines.filter((line) => typeof line === 'string')
        await inTurn(async () => {
          signal?.throwIfAborted()
          if (texts.length > 0) await append(Buffer.from(texts.join('')))
        })
        return lines.map((line) => (typeof line === 'string' ? 'written' : line))
      },
      check: async () => {
        const path = join(folder, `.check-${randomUUID()}`)
        await writeFile(path, 'check\n')
        await unlink(path)
      },
    },
    close: () => inTurn(rotate),
  }
}

/** The line of an event, or why there is none. The JSON body goes in as it is: parsing would round its numbers. */
const lineOf = ({ message, correlationKey }: SinkItem, receivedAt: string): string | Exclude<SinkOutcome, string> => {
  const content = bodyTextOf(message)
  if ('rejected' in content) return content
  if (Number.isNaN(message.time.getTime())) return { rejected: 'no-line', problem: 'its time is none' }
  const fields = JSON.stringify({
    time: message.time.toISOString(),
    id: message.id,
    source: message.headers['source'] ?? '',
    topic: message.topic,
    key: message.key,
    correlation_key: correlationKey,
    received_at: receivedAt,
  })
  const body =
    content.json === undefined
      ? message.tombstone === true
        ? ''
        : `,"text":${JSON.stringify(content.text)}`
      : `,"body":${content.json.replaceAll(/[\n\r]/g, ' ')}`
  return `${fields.slice(0, -1)}${body}}\n`
}
