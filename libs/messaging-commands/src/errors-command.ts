import * as z from 'zod'
import { integer } from '@armature/config/settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { table } from '@armature/service/table'
import { brokerSettings, withBrowser, type Program } from './broker-command.ts'
import { formatSetting, picked, pickSettings } from './dlq-settings.ts'
import { createErrorGroups, type ErrorGroup } from './error-groups.ts'
import { letters, letterTopics } from './letter.ts'
import { iso, oneLine } from './terminal-text.ts'
import { write } from './write.ts'

const longestCell = 40
const longestMessage = 100

const cell = (text: string): string => oneLine(text === '' ? '-' : text, longestCell)

const rowOf = ({ fingerprint, count, firstSeen, lastSeen, handler, error, sample }: ErrorGroup): string[] => [
  fingerprint,
  String(count),
  iso(firstSeen),
  iso(lastSeen),
  cell(handler),
  cell(error),
  `${oneLine(sample.message === '' ? '-' : sample.message, longestMessage)} (${cell(sample.topic)} ${cell(sample.id)})`,
]

/** `errors`. */
export const errorsCommand = (program: Program): Command =>
  command({
    summary: 'Group the dead letters by what failed: how many, first and last seen, a sample: of TOPIC, or of all',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      max: integer({ min: 1, max: 1_000 }).default(50).meta({ description: 'Most groups', env: 'ERRORS_MAX' }),
      format: formatSetting,
    }),
    positionals: { usage: '[TOPIC]', min: 0, max: 1 },
    run: ({ messagingUrl, format, max, ...pick }, { positionals: [only], ...io }) =>
      withBrowser(program, messagingUrl, io, async (_, browser) => {
        const groups = createErrorGroups()
        const wanted = picked(pick, Date.now())
        for (const topic of only === undefined ? await letterTopics(browser) : [only]) {
          for await (const letter of letters(browser, topic, { wanted, signal: io.signal })) groups.add(letter)
        }
        const shown = groups.list().slice(0, max)
        const text =
          format === 'json'
            ? shown.map((group) => `${JSON.stringify(group)}\n`).join('')
            : table([
                ['FINGERPRINT', 'LETTERS', 'FIRST SEEN', 'LAST SEEN', 'HANDLER', 'ERROR', 'SAMPLE'],
                ...shown.map(rowOf),
              ])
        await write(io.stdout, text, io.signal)
        return exitCodes.ok
      }),
  })
