import { isDeadLetterTopic, isQuarantineTopic } from '@armature/messaging/dead-letter'
import { readEnvelope, redrivesOf, type DeadLetterEnvelope } from '@armature/messaging/dead-letter-envelope'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'

/** A dead letter that lies in its topic. */
export interface Letter {
  readonly stored: StoredMessage
  /** Undefined where its headers say nothing of a failure. */
  readonly envelope: DeadLetterEnvelope | undefined
  /** The topic that it comes from: the one in the envelope, else the topic's name without `.DLT`; undefined if neither is there. */
  readonly original: string | undefined
  /** How often it was published again. */
  readonly redrives: number
}

/** Looks at what lies in a topic of dead letters. */
export const letterOf = (stored: StoredMessage): Letter => {
  const envelope = readEnvelope(stored.headers)
  return {
    stored,
    envelope,
    original: envelope?.topic ?? nameWithin(stored.topic),
    redrives: redrivesOf(stored.headers),
  }
}

const nameWithin = (topic: string): string | undefined =>
  isDeadLetterTopic(topic) && !isQuarantineTopic(topic) ? topic.slice(0, topic.lastIndexOf('.')) : undefined

/** The names that others give to topics of dead letters: Spring Kafka, MassTransit, and what is common. */
const othersNames = /(?:[-.](?:dlt|dlq)|_(?:error|skipped)|\.DLQ|-DLQ)$/

/** Whether it is by its name a topic of dead letters, ours or others'. */
const holdsLetters = (topic: string): boolean => isDeadLetterTopic(topic) || othersNames.test(topic)

/** The topics of dead letters that the broker has. */
export const letterTopics = async (browser: TopicBrowser): Promise<readonly string[]> =>
  (await browser.topics()).filter(holdsLetters)

/** Letters that one command looks at, at most. */
export const maxScanned = 1_000_000

export interface LettersOptions {
  /** Default: `maxScanned`. */
  readonly max?: number
  readonly wanted?: (letter: Letter) => boolean
  readonly signal: AbortSignal
}

/** The letters of a topic, the oldest first, without those that are not wanted. Ends early when the signal is aborted. */
export async function* letters(
  browser: TopicBrowser,
  topic: string,
  { max = Infinity, wanted = () => true, signal }: LettersOptions,
): AsyncGenerator<Letter> {
  let found = 0
  try {
    for await (const stored of browser.browse(topic, { max: maxScanned, signal })) {
      if (signal.aborted) return
      const letter = letterOf(stored)
      if (!wanted(letter)) continue
      yield letter
      found += 1
      if (found >= max) return
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Letters that are kept in memory at once, in number and in bytes of body. */
const roundLetters = 10_000
const roundBytes = 64 * 1_048_576

/** Collects as many of the letters as may be kept at once. `complete` says that there are no more. */
export const collectLetters = async (
  browser: TopicBrowser,
  topic: string,
  options: LettersOptions,
): Promise<{ readonly letters: readonly Letter[]; readonly complete: boolean }> => {
  const max = Math.min(options.max ?? Infinity, roundLetters)
  const found: Letter[] = []
  let bytes = 0
  for await (const letter of letters(browser, topic, { ...options, max })) {
    found.push(letter)
    bytes += letter.stored.body.byteLength
    if (bytes >= roundBytes) return { letters: found, complete: false }
  }
  return { letters: found, complete: found.length < max }
}
