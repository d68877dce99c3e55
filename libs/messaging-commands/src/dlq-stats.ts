import * as z from 'zod'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, withBrowser, type Program } from './broker-command.ts'
import { formatSetting, picked, pickSettings } from './dlq-settings.ts'
import { letters, letterTopics } from './letter.ts'
import { createLetterCounts } from './letter-counts.ts'
import { table } from '@armature/service/table'
import { iso, oneLine } from './terminal-text.ts'
import { write } from './write.ts'

const longestCell = 60

const cell = (text: string): string => oneLine(text === '' ? '-' : text, longestCell)

/** `dlq stats`. */
export const dlqStats = (program: Program): Command =>
  command({
    summary: 'Count dead letters by topic, reason, handler and class of error: of TOPIC, or of all',
    settings: z.object({ ...brokerSettings, ...pickSettings, format: formatSetting }),
    positionals: { usage: '[TOPIC]', min: 0, max: 1 },
    run: ({ messagingUrl, format, ...pick }, { positionals: [only], ...io }) =>
      withBrowser(program, messagingUrl, io, async (_, browser) => {
        const counts = createLetterCounts()
        const wanted = picked(pick, Date.now())
        for (const topic of only === undefined ? await letterTopics(browser) : [only]) {
          for await (const letter of letters(browser, topic, { wanted, signal: io.signal })) counts.add(letter)
        }
        const rows = counts
          .list()
          .map(({ topic, reason, handler, error, count, oldest, newest }) => [
            String(count),
            ...[topic, reason, handler, error].map(cell),
            iso(oldest),
            iso(newest),
          ])
        const shown =
          format === 'json'
            ? counts
                .list()
                .map((one) => `${JSON.stringify(one)}\n`)
                .join('')
            : table([['LETTERS', 'TOPIC', 'REASON', 'HANDLER', 'ERROR', 'OLDEST', 'NEWEST'], ...rows])
        await write(io.stdout, shown, io.signal)
        return exitCodes.ok
      }),
  })
