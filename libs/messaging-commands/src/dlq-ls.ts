import * as z from 'zod'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, withBrowser, type Program } from './broker-command.ts'
import { formatSetting } from './dlq-settings.ts'
import { letters, letterTopics } from './letter.ts'
import { table } from '@armature/service/table'
import { iso } from './terminal-text.ts'
import { write } from './write.ts'

/** `dlq ls`. */
export const dlqLs = (program: Program): Command =>
  command({
    summary: 'List the topics of dead letters: how many, the oldest, the newest',
    settings: z.object({ ...brokerSettings, format: formatSetting }),
    run: ({ messagingUrl, format }, io) =>
      withBrowser(program, messagingUrl, io, async (_, browser) => {
        const rows: { topic: string; letters: number; oldest: Date | undefined; newest: Date | undefined }[] = []
        for (const topic of await letterTopics(browser)) {
          const row = {
            topic,
            letters: 0,
            oldest: undefined as Date | undefined,
            newest: undefined as Date | undefined,
          }
          for await (const { stored } of letters(browser, topic, { signal: io.signal })) {
            row.letters += 1
            if (row.oldest === undefined || stored.storedAt < row.oldest) row.oldest = stored.storedAt
            if (row.newest === undefined || stored.storedAt > row.newest) row.newest = stored.storedAt
          }
          if (io.signal.aborted) break
          rows.push(row)
        }
        const lines = rows.map((row) => [row.topic, String(row.letters), iso(row.oldest), iso(row.newest)])
        const shown =
          format === 'json'
            ? rows.map((row) => `${JSON.stringify(row)}\n`).join('')
            : table([['TOPIC', 'LETTERS', 'OLDEST', 'NEWEST'], ...lines])
        await write(io.stdout, shown, io.signal)
        return exitCodes.ok
      }),
  })
