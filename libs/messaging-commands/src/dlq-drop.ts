import * as z from 'zod'
import { toggle } from '@armature/config/settings'
import { checkTopic } from '@armature/messaging/topic-pattern'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withBrowser, type Program } from './broker-command.ts'
import { noLetter, picked, pickSettings, topicArgument } from './dlq-settings.ts'
import { collectLetters, letters, type Letter } from './letter.ts'
import { agrees, isTerminal } from './terminal.ts'

const removedAtOnce = 1_000

/** `dlq drop`. */
export const dlqDrop = (program: Program): Command =>
  command({
    summary: 'Remove dead letters of TOPIC for good',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      yes: toggle().default(false).meta({ description: 'Do not ask for confirmation', env: 'DLQ_YES' }),
    }),
    positionals: topicArgument,
    run: ({ messagingUrl, yes, ...pick }, { positionals: [topic = ''], ...io }) =>
      withBrowser(program, messagingUrl, io, async (_, browser) => {
        checkTopic(topic)
        if (pick.id === undefined && pick.filter === undefined && pick.since === undefined)
          throw usageError('which letters?', 'Name one by --id, or several by --filter or --since')
        if (!yes && !isTerminal(io.stdin))
          throw usageError('nobody can be asked whether to drop the letters', 'Pass --yes')
        const wanted = picked(pick, Date.now())
        const { signal } = io
        let count = 0
        const counting = letters(browser, topic, { wanted, signal })
        while ((await counting.next()).done !== true) count += 1
        if (count === 0 && pick.id !== undefined) throw noLetter(program, topic, pick.id)
        if (
          count > 0 &&
          !yes &&
          !(await agrees(`Drop ${count} ${count === 1 ? 'letter' : 'letters'} of ${topic} for good? [y/N] `, io))
        )
          count = 0
        const dropped = await drop(browser, topic, { wanted, max: count, signal })
        io.stdout.write(`dropped ${dropped}\n`)
        return signal.aborted ? exitCodes.temporary : exitCodes.ok
      }),
  })

const drop = async (
  browser: TopicBrowser,
  topic: string,
  { wanted, max, signal }: { wanted: (letter: Letter) => boolean; max: number; signal: AbortSignal },
): Promise<number> => {
  let dropped = 0
  for (let complete = false; !complete && dropped < max && !signal.aborted;) {
    const found = await collectLetters(browser, topic, { max: max - dropped, wanted, signal })
    complete = found.complete
    for (let from = 0; from < found.letters.length && !signal.aborted; from += removedAtOnce) {
      const some = found.letters.slice(from, from + removedAtOnce).map(({ stored }) => stored)
      await browser.remove(topic, some)
      dropped += some.length
    }
  }
  return dropped
}
