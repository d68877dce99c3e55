import type { Clock } from '@armature/async/clock'
import { isQuarantineTopic, quarantineTopic } from '@armature/messaging/dead-letter'
import { cutBodyHeader, originalHeaders, redrivesHeader } from '@armature/messaging/dead-letter-envelope'
import { PublishError } from '@armature/messaging/errors'
import { identityOf } from '@armature/messaging/identity'
import { bareMessage, type Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { carriedHeaders } from '@armature/messaging/raw-headers'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { collectLetters, type Letter } from './letter.ts'
import { createPace } from './pace.ts'

export interface RedriveOptions {
  readonly topic: string
  /** Instead of where each letter comes from. */
  readonly to?: string | undefined
  readonly wanted: (letter: Letter) => boolean
  /** Letters at most. */
  readonly max: number
  /** A letter that was published again so often already is quarantined instead. */
  readonly maxRedrives: number
  /** Letters a second. Undefined: no limit. */
  readonly perSecond: number | undefined
  readonly clock: Clock
  /** Stops between two publishes. */
  readonly signal: AbortSignal
  /** Only counts. */
  readonly dryRun: boolean
  /** Called after each step. */
  readonly onProgress?: (counts: RedriveCounts) => void
  /** A letter that stays where it is, and why. */
  readonly onLeft: (letter: Letter, problem: string) => void
  readonly onWarning: (problem: string) => void
}

export interface RedriveCounts {
  redriven: number
  quarantined: number
  /** Those that stay: no topic to go to, nobody who reads it, refused by the broker, or at the limit in the quarantine already. */
  left: number
}

/** Letters that are published at once. A lower rate makes it fewer. */
const longestStep = 100
/** Removing takes a broker that cuts only prefixes off a rewrite of the rest: it is done no more often, and for a fifth of the time. */
const removeEveryMs = 1_000
const removalShare = 4

type Step = 'redriven' | 'quarantined'

interface Planned {
  readonly letter: Letter
  readonly kind: Step
  readonly topic: string
  readonly message: Message
}

/**
 * Publishes dead letters to where they come from, and removes them from their topic after the broker holds them there: killed in between,
 * some are in both. A letter that comes back while it runs is not taken up again. Resolves with what it did when all are done or the
 * signal is aborted. Rejects with PublishError where the broker is away; what was not published lies where it was.
 */
export const redrive = async (
  { publisher, browser }: { readonly publisher: Publisher; readonly browser: TopicBrowser },
  options: RedriveOptions,
): Promise<RedriveCounts> => {
  const { topic, wanted, perSecond, clock, signal, dryRun, onProgress, onLeft, onWarning } = options
  const pace = createPace(dryRun ? undefined : perSecond, clock)
  const stepLetters = Math.min(longestStep, Math.max(1, Math.floor(perSecond ?? longestStep)))
  const counts: RedriveCounts = { redriven: 0, quarantined: 0, left: 0 }
  const seen = new Set<string>()
  /** And not removed yet. */
  let published: StoredMessage[] = []
  let removeAtMs = clock.now() + removeEveryMs

  const leave = (letter: Letter, problem: string) => {
    counts.left += 1
    onLeft(letter, problem)
  }

  const publish = async (step: readonly Planned[]): Promise<readonly Planned[]> => {
    const [first] = step
    if (first === undefined) return []
    try {
      await publisher.publish(
        first.topic,
        step.map(({ message }) => message),
      )
      return step
    } catch (error) {
      if (!(error instanceof PublishError) || isOutage(error)) throw error
      if (step.length > 1) {
        const held: Planned[] = []
        for (const one of step) held.push(...(await publish([one])))
        return held
      }
      const headers = carriedHeaders(first.message.headers)
      const isOther = Object.keys(headers).some((name) => first.message.headers[name] === undefined)
      // A broker that cannot carry the names that they had elsewhere.
      if (error.fault === 'bad-message' && isOther)
        return publish([{ ...first, message: { ...first.message, headers } }])
      leave(first.letter, error.message)
      return []
    }
  }

  const remove = async () => {
    if (published.length === 0) return
    const startMs = clock.now()
    await browser.remove(topic, published)
    published = []
    const endMs = clock.now()
    removeAtMs = endMs + Math.max(removeEveryMs, (endMs - startMs) * removalShare)
  }

  const take = async (step: readonly Planned[]) => {
    const held = dryRun ? step : await publish(step)
    for (const { kind } of held) counts[kind] += 1
    onProgress?.(counts)
    if (dryRun) return
    published.push(...held.map(({ letter }) => letter.stored))
    if (clock.now() >= removeAtMs) await remove()
  }

  /** Also when a publish failed: what was published before it should not be published twice. */
  const removeAtLast = async () => {
    try {
      await remove()
    } catch (error) {
      onWarning(
        `${published.length} letters are published and could not be removed from ${topic}: a redrive repeats them`,
      )
      throw error
    }
  }

  for (let taken = 0, complete = false; !complete && taken < options.max && !signal.aborted;) {
    const max = options.max - taken
    const isNew = (letter: Letter) => !seen.has(identityOf(letter.stored, '')) && wanted(letter)
    const found = await collectLetters(browser, topic, { max, wanted: isNew, signal })
    complete = found.complete
    taken += found.letters.length
    for (const { stored } of found.letters) seen.add(identityOf(stored, ''))
    const planned = found.letters.flatMap((letter) => plan(letter, options, leave))
    try {
      for (const step of steps(planned, stepLetters)) {
        await pace(step.length, signal)
        if (signal.aborted) break
        await take(step)
      }
    } finally {
      await removeAtLast()
    }
  }
  return counts
}

/** It is not the letter's: no other would be published either. A topic that nobody reads holds up its own letters only. */
const isOutage = ({ fault, retryable }: PublishError): boolean =>
  fault === 'closed' || (retryable && fault !== 'unroutable')

const plan = (
  letter: Letter,
  { topic, to, maxRedrives }: RedriveOptions,
  leave: (letter: Letter, problem: string) => void,
): readonly Planned[] => {
  const { original, redrives } = letter
  if (redrives >= maxRedrives) {
    if (isQuarantineTopic(topic)) {
      leave(letter, `published again ${redrives} times already: --max-redrives raises the limit`)
      return []
    }
    const quarantine = quarantineTopic(original ?? topic)
    return [{ letter, kind: 'quarantined', topic: quarantine, message: asIs(letter, quarantine) }]
  }
  const target = to ?? original
  if (target === undefined || target === topic) {
    leave(letter, 'nothing says where it comes from: --to names the topic')
    return []
  }
  const wholeBytes = letter.stored.headers[cutBodyHeader]
  if (wholeBytes !== undefined) {
    const problem = `it holds the first ${letter.stored.body.byteLength} of ${wholeBytes} bytes`
    leave(letter, `${problem}: publish the message itself, or put the body right by dlq edit`)
    return []
  }
  return [{ letter, kind: 'redriven', topic: target, message: redriven(letter, target) }]
}

/** Follow each other and go to the same topic. */
const steps = (planned: readonly Planned[], stepLetters: number): readonly (readonly Planned[])[] => {
  const all: Planned[][] = []
  for (const one of planned) {
    const last = all.at(-1)
    if (last !== undefined && last.length < stepLetters && last[0]?.topic === one.topic) last.push(one)
    else all.push([one])
  }
  return all
}

const asIs = ({ stored }: Letter, topic: string): Message => ({ ...bareMessage(stored), topic })

/**
 * The message as it is published again: without the envelope, with its headers by their own names and one redrive more. Its id, key and
 * time are the old ones.
 */
export const redriven = (letter: Letter, topic: string): Message => ({
  ...asIs(letter, topic),
  headers: { ...originalHeaders(letter.stored.headers), [redrivesHeader]: String(letter.redrives + 1) },
})
