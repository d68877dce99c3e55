import { open as openFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { checkedText, choice, integer, list, text } from '@armature/config/settings'
import { systemClock } from '@armature/async/clock'
import { message, type Message } from '@armature/messaging/message'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { amqpUrl } from './amqp-url.ts'
import { brokerSettings, usageError, withDriver, type Program } from './broker-command.ts'
import { durationMsOf, perSecondOf } from './duration.ts'
import { durationText, rateText } from './duration-settings.ts'
import { headerPairs } from './header-pairs.ts'
import { linesOf } from './lines.ts'
import { publishAll } from './publish.ts'
import { filled } from './template.ts'
import { isTerminal } from './terminal.ts'

const settings = z.object({
  ...brokerSettings,
  topic: checkedText(checkTopic)
    .optional()
    .meta({ description: 'Topic to publish to; over amqp: the routing key', short: 't', env: 'PUBLISH_TOPIC' }),
  message: text().optional().meta({
    description: 'The body; {n} is its number, {uuid} a new UUID, {now} the time, also in --key and --headers',
    short: 'm',
    env: 'PUBLISH_MESSAGE',
  }),
  file: text()
    .optional()
    .meta({ description: 'File with a message a line, instead of --message (- = stdin)', env: 'PUBLISH_FILE' }),
  amount: integer({ min: 0 })
    .optional()
    .meta({ description: 'Messages (0 = until Ctrl-C; none = 1, or all lines of the file)', env: 'PUBLISH_AMOUNT' }),
  key: text().optional().meta({
    description: 'Key, for the order; over amqp: the routing key if there is no --topic',
    env: 'PUBLISH_KEY',
  }),
  headers: list(text()).default([]).meta({ description: 'Headers, NAME=VALUE each', env: 'PUBLISH_HEADERS' }),
  delay: durationText()
    .optional()
    .meta({ description: 'Wait between two messages, such as 10ms', env: 'PUBLISH_DELAY' }),
  rate: rateText().optional().meta({ description: 'Messages a second, such as 100/s', env: 'PUBLISH_RATE' }),
  batch: integer({ min: 1, max: 10_000 })
    .default(100)
    .meta({ description: 'Most messages of one publish', env: 'PUBLISH_BATCH' }),
  exchange: text().optional().meta({ description: 'Exchange to publish to (amqp: only)', env: 'PUBLISH_EXCHANGE' }),
  type: choice(['direct', 'topic', 'fanout', 'headers'])
    .optional()
    .meta({ description: 'Type of the exchange (amqp: only)', env: 'PUBLISH_TYPE' }),
})

type Config = Readonly<z.infer<typeof settings>>

/** `publish`. */
export const publishCommand = (program: Program): Command =>
  command({
    summary: 'Publish messages, and wait until the broker holds them',
    settings,
    run: (config, io) => {
      const topic = topicOf(config)
      const url = amqpUrl(config.messagingUrl, config)
      const perSecond = rateOf(config)
      const headers = headerPairs(config.headers)
      return withDriver(program, url, io, async (driver) => {
        const clock = systemClock()
        const { file, batch } = config
        const bodies = file === undefined ? templateOf(config) : await linesIn(file, io.stdin, io.signal)
        const messages = numbered(bodies, config, (body, n) => {
          const fill = (template: string) => filled(template, { n, nowMs: clock.now() })
          return message(topic, typeof body === 'string' ? fill(body) : body, {
            ...(config.key === undefined ? {} : { key: fill(config.key) }),
            headers: {
              'content-type': 'text/plain',
              ...Object.fromEntries([...headers].map(([name, value]) => [name, fill(value)])),
            },
          })
        })
        const told = isTerminal(io.stderr)
        let toldMs = 0
        const { sent, failed, elapsedMs, error } = await publishAll(driver, {
          ...{ topic, messages, batch, perSecond, clock, signal: io.signal },
          onProgress: (counts) => {
            if (!told || clock.now() - toldMs < 200) return
            toldMs = clock.now()
            io.stderr.write(`\r${counts.sent} sent `)
          },
        })
        if (told) io.stderr.write('\n')
        const rate = Math.round((sent * 1_000) / Math.max(1, elapsedMs))
        io.stdout.write(`sent ${sent}, failed ${failed}, ${rate}/s\n`)
        if (error !== undefined) throw error
        const untilStopped = config.amount === 0
        return io.signal.aborted && !untilStopped ? exitCodes.temporary : exitCodes.ok
      })
    },
  })

const topicOf = ({ topic, key, exchange }: Config): string => {
  const found = topic ?? (exchange === undefined ? undefined : (key ?? exchange))
  if (found === undefined) throw usageError('nothing says where to publish', 'Name a topic by --topic')
  return found
}

const rateOf = ({ delay, rate }: Config): number | undefined => {
  if (delay !== undefined && rate !== undefined) throw usageError('--delay and --rate say the same', 'Give one of them')
  if (rate !== undefined) return perSecondOf(rate)
  const delayMs = delay === undefined ? undefined : durationMsOf(delay)
  return delayMs === undefined || delayMs === 0 ? undefined : 1_000 / delayMs
}

type Bodies = AsyncIterable<string | Uint8Array>

const templateOf = ({ message: template, amount = 1 }: Config): Bodies => {
  if (template === undefined) throw usageError('there is nothing to publish', 'Give a body by --message, or --file')
  return (async function* () {
    for (let n = 0; amount === 0 || n < amount; n++) yield template
  })()
}

const linesIn = async (path: string, stdin: Readable, signal: AbortSignal): Promise<Bodies> => {
  if (path === '-') return linesOf(stdin, signal)
  try {
    const file = await openFile(path)
    return linesOf(file.createReadStream(), signal)
  } catch (error) {
    throw usageError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, 'Name another --file')
  }
}

async function* numbered(
  bodies: Bodies,
  { message: template, file, amount }: Config,
  make: (body: string | Uint8Array, n: number) => Message,
): AsyncGenerator<Message> {
  if (file !== undefined && template !== undefined)
    throw usageError('--message and --file both say what to publish', 'Give one of them')
  let n = 0
  for await (const body of bodies) {
    n += 1
    yield make(body, n)
    if (amount !== undefined && n === amount) return
  }
}
