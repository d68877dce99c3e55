import { withoutEnvelope } from '@armature/messaging/dead-letter-envelope'
import type { Letter } from './letter.ts'
import { errorText } from './letter-filter.ts'
import { printable, shownBody } from './terminal-text.ts'

/** A letter as one line of JSON, with at most `maxBodyBytes` of its body. */
export const letterJson = (letter: Letter, maxBodyBytes: number): string => {
  const { stored, envelope, original, redrives } = letter
  return JSON.stringify({
    id: stored.id,
    topic: stored.topic,
    originalTopic: original,
    position: envelope?.position,
    key: stored.key,
    time: stored.time,
    storedAt: stored.storedAt,
    writer: envelope?.writer,
    reason: envelope?.reason,
    error: envelope?.error,
    message: envelope?.message,
    stack: envelope?.stack,
    handler: envelope?.handler,
    group: envelope?.group,
    attempts: envelope?.attempts,
    deliveries: envelope?.deliveries,
    failedAt: envelope?.failedAt,
    redrives,
    traceparent: stored.headers['traceparent'],
    headers: withoutEnvelope(stored.headers),
    ...shownBody(stored.body, maxBodyBytes),
  })
}

/** A letter as a paragraph for people. What could steer a terminal is written out. */
export const letterText = (letter: Letter, maxBodyBytes: number): string => {
  const { stored, envelope, original, redrives } = letter
  const { body, encoding, bytes, truncated } = shownBody(stored.body, maxBodyBytes)
  const at = envelope?.position
  const own = Object.entries(withoutEnvelope(stored.headers)).map(([name, value]) => `${name}: ${value}`)
  const counts = [
    [envelope?.attempts, 'attempts'],
    [envelope?.deliveries, 'deliveries'],
    [redrives, 'redrives'],
  ] as const
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['stored', stored.storedAt.toISOString()],
    [
      'from',
      original === undefined ? undefined : `${original}${at === undefined ? '' : ` ${at.partition}+${at.offset}`}`,
    ],
    ['key', stored.key],
    ['reason', envelope?.reason],
    ['error', envelope === undefined ? undefined : errorText(envelope)],
    ['handler', [envelope?.handler, envelope?.group].filter(Boolean).join(' of ')],
    ['tried', counts.flatMap(([count, name]) => (count === undefined ? [] : [`${count} ${name}`])).join(', ')],
    ...own.map((header) => ['header', header] as const),
    [
      `body (${bytes} bytes${encoding === 'text' ? '' : `, ${encoding}`}${truncated ? ', its beginning' : ''})`,
      `\n${body}`,
    ],
  ]
  const shown = lines.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`  ${name}: ${value}`]))
  return printable(`${stored.id}\n${shown.join('\n')}\n`)
}
