import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { integer, list, text, toggle } from '@armature/config/settings'
import { systemClock } from '@armature/messaging/clock'
import { checkTopic } from '@armature/messaging/topic-pattern'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { command, type Command, type CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withBrowser, type Open } from './broker-command.ts'
import { rateText, topicName } from './checked-settings.ts'
import { noLetter } from './dlq-commands.ts'
import { formatSetting, maxLetters, picked, pickSettings, topicArgument } from './dlq-settings.ts'
import { perSecondOf } from './duration.ts'
import { collectLetters, letters, type Letter } from './letter.ts'
import { headerPairs } from './header-pairs.ts'
import { checkJson, edited } from './letter-edit.ts'
import { redrive } from './redrive.ts'
import { agrees, editText, isTerminal } from './terminal.ts'

const to = topicName()
  .optional()
  .meta({ description: 'Topic to publish to, instead of where a letter comes from', env: 'DLQ_TO' })

const removedAtOnce = 1_000

/** The commands that change what lies among the dead letters. */
export const dlqChanges = (open: Open): Readonly<Record<string, Command>> => ({
  'dlq redrive': redriveCommand(open),
  'dlq edit': editCommand(open),
  'dlq drop': dropCommand(open),
})

const redriveCommand = (open: Open): Command =>
  command({
    summary: 'Publish dead letters of TOPIC again, each to the topic it comes from',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      max: maxLetters.optional(),
      rate: rateText().optional().meta({ description: 'Letters a second, such as 100/s', env: 'DLQ_RATE' }),
      dryRun: toggle().default(false).meta({ description: 'Only tell what would be done', env: 'DLQ_DRY_RUN' }),
      to,
      maxRedrives: integer({ min: 0, max: 1_000 }).default(3).meta({
        description: 'A letter that was published again so often goes to TOPIC.quarantine.DLT',
        env: 'DLQ_MAX_REDRIVES',
      }),
      format: formatSetting,
    }),
    positionals: topicArgument,
    run: (config, { positionals: [topic = ''], ...io }) =>
      withBrowser(open, config.messagingUrl, io, async (publisher, browser) => {
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
            onLeft: ({ held }, problem) => void io.stderr.write(`letter ${held.id} stays: ${problem}\n`),
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

const editCommand = (open: Open): Command =>
  command({
    summary: 'Change one dead letter of TOPIC and publish it to the topic it comes from',
    settings: z.object({
      ...brokerSettings,
      id: text().optional().meta({ description: 'The letter', env: 'DLQ_ID' }),
      body: text()
        .optional()
        .meta({ description: 'File with the new body, - = stdin (none = the editor, on a terminal)', env: 'DLQ_BODY' }),
      header: list(text())
        .default([])
        .meta({ description: 'New headers, NAME=VALUE; NAME= takes one off', env: 'DLQ_HEADER' }),
      editor: text().default('vi').meta({ description: 'Edits the body on a terminal', env: 'EDITOR' }),
      to,
    }),
    positionals: topicArgument,
    run: (config, { positionals: [topic = ''], ...io }) =>
      withBrowser(open, config.messagingUrl, io, async (publisher, browser) => {
        checkTopic(topic)
        const { id } = config
        if (id === undefined) throw usageError('which letter?', 'Name it by --id')
        const headers = headerPairs(config.header)
        const letter = await letterById(browser, topic, id, io.signal)
        const target = config.to ?? letter.original
        if (target === undefined)
          throw usageError(`letter ${id} does not say where it comes from`, 'Name the topic by --to')
        const body = await newBody(config, letter, headers.size > 0, io)
        const message = edited(letter, target, { body, headers }, systemClock())
        checkJson(message)
        await publisher.publish(target, [message])
        await browser.remove(topic, [letter.held])
        io.stdout.write(`letter ${id} is edited and published to ${target}\n`)
        return exitCodes.ok
      }),
  })

const dropCommand = (open: Open): Command =>
  command({
    summary: 'Remove dead letters of TOPIC for good',
    settings: z.object({
      ...brokerSettings,
      ...pickSettings,
      yes: toggle().default(false).meta({ description: 'Do not ask', env: 'DLQ_YES' }),
    }),
    positionals: topicArgument,
    run: ({ messagingUrl, yes, ...pick }, { positionals: [topic = ''], ...io }) =>
      withBrowser(open, messagingUrl, io, async (_, browser) => {
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
        if (count === 0 && pick.id !== undefined) throw noLetter(topic, pick.id)
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

const letterById = async (browser: TopicBrowser, topic: string, id: string, signal: AbortSignal): Promise<Letter> => {
  const wanted = ({ held }: Letter) => held.id === id
  for await (const letter of letters(browser, topic, { max: 1, wanted, signal })) return letter
  throw noLetter(topic, id)
}

/** Undefined: the old one stays. */
const newBody = async (
  { body, editor }: { readonly body?: string | undefined; readonly editor: string },
  { held }: Letter,
  headersChange: boolean,
  { stdin, stdout }: Pick<CommandIo, 'stdin' | 'stdout'>,
): Promise<Uint8Array | undefined> => {
  if (body === '-') return readAll(stdin)
  if (body !== undefined) return readFileOf(body)
  if (headersChange) return undefined
  if (!isTerminal(stdin) || !isTerminal(stdout))
    throw usageError('there is no terminal to edit the letter on', 'Give the new body by --body FILE or --body -')
  return editText(held.body, editor)
}

const readFileOf = async (path: string): Promise<Uint8Array> => {
  try {
    return await readFile(path)
  } catch (error) {
    throw usageError(
      `cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`,
      'Name another file by --body',
    )
  }
}

const readAll = async (stdin: Readable): Promise<Uint8Array> => {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

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
      const some = found.letters.slice(from, from + removedAtOnce).map(({ held }) => held)
      await browser.remove(topic, some)
      dropped += some.length
    }
  }
  return dropped
}
