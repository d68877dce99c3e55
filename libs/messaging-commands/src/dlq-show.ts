import * as z from 'zod'
import { integer } from '@armature/config/settings'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, withBrowser, type Program } from './broker-command.ts'
import { formatSetting, maxLetters, noLetter, picked, pickSettings, topicArgument } from './dlq-settings.ts'
import { letters } from './letter.ts'
import { letterJson, letterText } from './letter-text.ts'
import { write } from './write.ts'

/** `dlq show`. */
export const dlqShow = (program: Program): Command =>
  command({
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
      withBrowser(program, messagingUrl, io, async (_, browser) => {
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
        if (shown === 0 && pick.id !== undefined) throw noLetter(program, topic, pick.id)
        if (shown === 0) io.stderr.write(`no such letters in ${topic}\n`)
        return exitCodes.ok
      }),
  })
