import { withoutEnvelope } from '@armature/messaging/dead-letter-envelope'
import type { Letter } from './letter.ts'
import { errorText } from './letter-filter.ts'
import { printable, shownBody } from './shown.ts'

/** A letter as one line of JSON, with at most `maxBodyBytes` of its body. */
export const letterJson = (letter: Letter, maxBodyBytes: number): string => {
  const { held, envelope, original, redrives } = letter
  return JSON.stringify({
    id: held.id,
    topic: held.topic,
    originalTopic: original,
    position: envelope?.position,
    key: held.key,
    time: held.time,
    storedAt: held.storedAt,
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
    traceparent: held.headers['traceparent'],
    headers: withoutEnvelope(held.headers),
    ...shownBody(held.body, maxBodyBytes),
  })
}

/** A letter as a paragraph for people. What could steer a terminal is written out. */
export const letterText = (letter: Letter, maxBodyBytes: number): string => {
  const { held, envelope, original, redrives } = letter
  const { body, encoding, bytes, truncated } = shownBody(held.body, maxBodyBytes)
  const at = envelope?.position
  const own = Object.entries(withoutEnvelope(held.headers)).map(([name, value]) => `${name}: ${value}`)
  const counts = [
    [envelope?.attempts, 'attempts'],
    [envelope?.deliveries, 'deliveries'],
    [redrives, 'redrives'],
  ] as const
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['stored', held.storedAt.toISOString()],
    [
      'from',
      original === undefined ? undefined : `${original}${at === undefined ? '' : ` ${at.partition}+${at.offset}`}`,
    ],
    ['key', held.key],
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
  return printable(`${held.id}\n${shown.join('\n')}\n`)
}
