import * as z from 'zod'
import { integer, toggle } from '@armature/config/settings'
import { systemClock } from '@armature/async/clock'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withBrowser, type Program } from './broker-command.ts'
import { formatSetting, maxLetters, picked, pickSettings, toSetting, topicArgument } from './dlq-settings.ts'
import { perSecondOf } from './duration.ts'
import { rateText } from './duration-settings.ts'
import { redrive } from './redrive.ts'
import { isTerminal } from './terminal.ts'

/** `dlq redrive`. */
export const dlqRedrive = (program: Program): Command =>
  command({
    summary: 'Publish dead letters of TOPIC again, each to the topic it comes from',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      max: maxLetters.optional(),
      rate: rateText().optional().meta({ description: 'Letters a second, such as 100/s', env: 'DLQ_RATE' }),
      dryRun: toggle().default(false).meta({ description: 'Only print what would be done', env: 'DLQ_DRY_RUN' }),
      to: toSetting,
      maxRedrives: integer({ min: 0, max: 1_000 }).default(3).meta({
        description: 'Redrives after which a letter goes to TOPIC.quarantine.DLT',
        env: 'DLQ_MAX_REDRIVES',
      }),
      format: formatSetting,
    }),
    positionals: topicArgument,
    run: (config, { positionals: [topic = ''], ...io }) =>
      withBrowser(program, config.messagingUrl, io, async (publisher, browser) => {
        checkTopic(topic)
        if (config.to === topic)
          throw usageError(`${topic} is where the letters are`, 'Name another topic by --to, or none')
        const { dryRun, max = Infinity, maxRedrives, format } = config
        const told = isTerminal(io.stderr)
        const counts = await redrive(
          { publisher, browser },
          {
            topic,
            to: config.to,
            wanted: picked(config, Date.now()),
            max,
            maxRedrives,
            perSecond: config.rate === undefined ? undefined : perSecondOf(config.rate),
            clock: systemClock(),
            signal: io.signal,
            dryRun,
            onProgress: ({ redriven, quarantined }) => {
              if (told) io.stderr.write(`\r${redriven} redriven, ${quarantined} quarantined `)
            },
            onWarning: (problem) => void io.stderr.write(`${problem}\n`),
            onLeft: ({ stored }, problem) => void io.stderr.write(`letter ${stored.id} stays: ${problem}\n`),
          },
        )
        if (told) io.stderr.write('\n')
        const { redriven, quarantined, left } = counts
        const stopped = io.signal.aborted
        const line =
          format === 'json'
            ? JSON.stringify({ ...counts, stopped, dryRun })
            : `${dryRun ? 'would be ' : ''}redriven ${redriven}, quarantined ${quarantined}, left ${left}${stopped ? ', then stopped: the rest lies where it was' : ''}`
        io.stdout.write(`${line}\n`)
        if (stopped) return exitCodes.temporary
        return left === 0 ? exitCodes.ok : exitCodes.io
      }),
  })
