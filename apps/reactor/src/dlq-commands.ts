import * as z from 'zod'
import { integer } from '@armature/config/settings'
import { checkTopic } from '@armature/messaging/topic-pattern'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withBrowser, type Open } from './broker-command.ts'
import { formatSetting, maxLetters, picked, pickSettings, topicArgument } from './dlq-settings.ts'
import { holdsLetters, letters } from './letter.ts'
import { createLetterCounts } from './letter-counts.ts'
import { letterJson, letterText } from './letter-text.ts'
import { oneLine, table } from './shown.ts'
import { write } from './write.ts'

const longestCell = 60

const cell = (text: string): string => oneLine(text === '' ? '-' : text, longestCell)

const letterTopics = async (browser: TopicBrowser): Promise<readonly string[]> =>
  (await browser.topics()).filter(holdsLetters)

/** The commands that look at dead letters and change nothing. */
export const dlqCommands = (open: Open): Readonly<Record<string, Command>> => ({
  'dlq ls': command({
    summary: 'List the topics of dead letters: how many, the oldest, the newest',
    settings: z.object({ ...brokerSettings, format: formatSetting }),
    run: ({ messagingUrl, format }, io) =>
      withBrowser(open, messagingUrl, io, async (_, browser) => {
        const rows: { topic: string; letters: number; oldest: Date | undefined; newest: Date | undefined }[] = []
        for (const topic of await letterTopics(browser)) {
          const row = {
            topic,
            letters: 0,
            oldest: undefined as Date | undefined,
            newest: undefined as Date | undefined,
          }
          for await (const { held } of letters(browser, topic, { signal: io.signal })) {
            row.letters += 1
            if (row.oldest === undefined || held.storedAt < row.oldest) row.oldest = held.storedAt
            if (row.newest === undefined || held.storedAt > row.newest) row.newest = held.storedAt
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
  }),

  'dlq show': command({
    summary: 'Show dead letters of TOPIC: why each failed, where it was, what it holds',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      max: maxLetters.default(100),
      maxBodyBytes: integer({ min: 0, max: 16_777_216 })
        .default(4_096)
        .meta({ description: 'Bytes of each body that are shown', env: 'DLQ_MAX_BODY_BYTES' }),
      format: formatSetting,
    }),
    positionals: topicArgument,
    run: ({ messagingUrl, max, maxBodyBytes, format, ...pick }, { positionals: [topic = ''], ...io }) =>
      withBrowser(open, messagingUrl, io, async (_, browser) => {
        checkTopic(topic)
        const wanted = picked(pick, Date.now())
        let shown = 0
        for await (const letter of letters(browser, topic, { max: max + 1, wanted, signal: io.signal })) {
          shown += 1
          if (shown > max) break
          const text = format === 'json' ? `${letterJson(letter, maxBodyBytes)}\n` : letterText(letter, maxBodyBytes)
          await write(io.stdout, text, io.signal)
        }
        if (shown > max) io.stderr.write(`the first ${max} letters: --max shows more\n`)
        if (shown === 0 && pick.id !== undefined) throw noLetter(topic, pick.id)
        if (shown === 0) io.stderr.write(`no such letters in ${topic}\n`)
        return exitCodes.ok
      }),
  }),

  'dlq stats': command({
    summary: 'Count dead letters by topic, reason, handler and class of error: of TOPIC, or of all',
    settings: z.object({ ...brokerSettings, ...pickSettings, format: formatSetting }),
    positionals: { usage: '[TOPIC]', min: 0, max: 1 },
    run: ({ messagingUrl, format, ...pick }, { positionals: [only], ...io }) =>
      withBrowser(open, messagingUrl, io, async (_, browser) => {
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
  }),
})

const iso = (date: Date | undefined): string => date?.toISOString() ?? '-'

/** A letter that was asked for and is not there. */
export const noLetter = (topic: string, id: string) =>
  usageError(`there is no letter ${JSON.stringify(id)} in ${topic}`, `reactor dlq show ${topic} lists those that are`)
