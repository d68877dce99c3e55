import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { list, text } from '@armature/config/settings'
import { systemClock } from '@armature/async/clock'
import { checkTopic } from '@armature/messaging/topic-pattern'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { command, type Command, type CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { brokerSettings, usageError, withBrowser, type Program } from './broker-command.ts'
import { noLetter, toSetting, topicArgument } from './dlq-settings.ts'
import { headerPairs } from './header-pairs.ts'
import { letters, type Letter } from './letter.ts'
import { checkJson, edited } from './letter-edit.ts'
import { editText, isTerminal } from './terminal.ts'

/** `dlq edit`. */
export const dlqEdit = (program: Program): Command =>
  command({
    summary: 'Change one dead letter of TOPIC and publish it to the topic it comes from',
    settings: z.object({
      ...brokerSettings,
      id: text().optional().meta({ description: 'Id of the letter', env: 'DLQ_ID' }),
      body: text()
        .optional()
        .meta({ description: 'File with the new body (- = stdin; none = the editor, on a terminal)', env: 'DLQ_BODY' }),
      header: list(text())
        .default([])
        .meta({ description: 'New headers, NAME=VALUE; NAME= removes one', env: 'DLQ_HEADER' }),
      editor: text().default('vi').meta({ description: 'Editor for the body, on a terminal', env: 'EDITOR' }),
      to: toSetting,
    }),
    positionals: topicArgument,
    run: (config, { positionals: [topic = ''], ...io }) =>
      withBrowser(program, config.messagingUrl, io, async (publisher, browser) => {
        checkTopic(topic)
        const { id } = config
        if (id === undefined) throw usageError('which letter?', 'Name it by --id')
        const headers = headerPairs(config.header)
        const letter = await letterById(program, browser, topic, id, io.signal)
        const target = config.to ?? letter.original
        if (target === undefined)
          throw usageError(`letter ${id} does not say where it comes from`, 'Name the topic by --to')
        const body = await newBody(config, letter, headers.size > 0, io)
        const message = edited(letter, target, { body, headers }, systemClock())
        checkJson(message)
        await publisher.publish(target, [message])
        await browser.remove(topic, [letter.stored])
        io.stdout.write(`letter ${id} is edited and published to ${target}\n`)
        return exitCodes.ok
      }),
  })

const letterById = async (
  program: Program,
  browser: TopicBrowser,
  topic: string,
  id: string,
  signal: AbortSignal,
): Promise<Letter> => {
  const wanted = ({ stored }: Letter) => stored.id === id
  for await (const letter of letters(browser, topic, { max: 1, wanted, signal })) return letter
  throw noLetter(program, topic, id)
}

/** Undefined: the old one stays. */
const newBody = async (
  { body, editor }: { readonly body?: string | undefined; readonly editor: string },
  { stored }: Letter,
  headersChange: boolean,
  { stdin, stdout }: Pick<CommandIo, 'stdin' | 'stdout'>,
): Promise<Uint8Array | undefined> => {
  if (body === '-') return readAll(stdin)
  if (body !== undefined) return readFileOf(body)
  if (headersChange) return undefined
  if (!isTerminal(stdin) || !isTerminal(stdout))
    throw usageError('there is no terminal to edit the letter on', 'Give the new body by --body FILE or --body -')
  return editText(stored.body, editor)
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
