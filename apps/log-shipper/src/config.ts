import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { bytes, checkedText, choice, durationMs, integer, list, text, toggle } from '@armature/config/settings'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { checkTopic } from '@armature/messaging/topic-pattern'
import { fieldNames } from './fields.ts'
import { lineFormats } from './line-format.ts'
import { maxOriginBytes } from './origin.ts'
import { kafkaFlagFaults, kafkaFlags } from './kafka-flags.ts'
import { secretPattern } from './redact.ts'
import { secretKinds } from './secret-patterns.ts'
import { leastSpoolBytes } from './spool.ts'

/** As CloudEvents wants of `source`: the characters of RFC 3986. */
const uriReference = /^(?:[\w.~:/?#@!$&'()*+,;=-]|%[\da-f]{2})+$/i

const topicFault = (topic: string): string | undefined => {
  if (isDeadLetterTopic(topic)) return 'is a dead-letter topic'
  try {
    checkTopic(topic)
    return undefined
  } catch (error) {
    return `is no topic: ${(error as Error).message}`
  }
}

/** No restart of it waits: changes of settings that are not hot take effect at the next start. */
const { configKvSplayMs: _, ...kvSettingsWithoutSplay } = kvSettings

/** Variables with this before their names are the shipper's own: a child does not get them. */
export const envPrefix = 'LOG_SHIPPER_'

export const settings = z
  .object({
    ...commonSettings,
    ...messagingSettings,
    ...consulSettings,
    ...kvSettingsWithoutSplay,
    ...registrationSettings,
    topic: text()
      .superRefine((topic, context) => {
        const fault = topicFault(topic)
        if (fault !== undefined) context.addIssue(fault)
      })
      .default('logs.default')
      .meta({ description: 'Topic that the lines go to, such as logs.search-service', short: 't' }),
    source: text().max(200).regex(uriReference, { error: 'is no URI reference (RFC 3986)' }).optional().meta({
      description: 'Where the lines come from, a header of each message (none = host name)',
      env: 'LOG_SOURCE',
    }),
    key: text()
      .max(200)
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, { error: 'holds a control character' })
      .optional()
      .meta({
        short: 'k',
        description: 'Key of the messages: those with one key keep their order (none = source, of files their path)',
        env: 'LOG_KEY',
      }),
    ...kafkaFlags,
    quiet: toggle()
      .default(false)
      .meta({ description: 'Do not pass the input on to standard output', short: 'q', env: 'LOG_SHIPPER_QUIET' }),
    hold: toggle()
      .default(false)
      .meta({ description: 'Keep running after the input has ended', env: 'LOG_SHIPPER_HOLD' }),
    files: list(text()).default([]).meta({
      description: 'Files to follow instead of standard input: names and globs, such as /var/log/app.log*',
      flag: 'file',
      env: 'LOG_FILES',
    }),
    follow: toggle()
      .default(true)
      .meta({ description: 'Follow the files; without it they are read to their end', env: 'LOG_FOLLOW' }),
    lineFormat: choice(lineFormats).default('auto').meta({
      description:
        'Format of the files: plain lines, or cri as container runtimes write them (auto = by path or first line)',
      flag: 'format',
      env: 'LOG_FORMAT',
    }),
    maxOpenFiles: integer({ min: 1, max: 100_000 })
      .default(1_000)
      .meta({ description: 'Files open at once; ten times as many are known, and those with new lines are opened' }),
    rotateWaitMs: durationMs({ max: 3_600_000 }).default(60_000).meta({
      description: 'How long a file is read on after its last change, once it was renamed or removed, in milliseconds',
    }),
    lastLineWaitMs: durationMs({ max: 86_400_000 })
      .default(300_000)
      .meta({ description: 'How long the last line of a file waits for its end, in milliseconds' }),
    maxLineBytes: bytes({ min: 1, max: 16 * 1024 * 1024 })
      .default(256 * 1024)
      .meta({ description: 'Longest line in bytes; a longer one is cut off and dead-lettered' }),
    spoolDir: text()
      .optional()
      .meta({ description: "Folder of the spool (none = one for the topic in the user's state folder)" }),
    spoolMaxBytes: bytes({ min: 1024 })
      .default(256 * 1024 * 1024)
      .meta({ description: 'Largest size of the spool in bytes; while it is full no input is read' }),
    spoolSync: toggle()
      .default(true)
      .meta({ description: 'Write the spool through to the disk, so that lines survive a power cut' }),
    whenFull: choice(['block', 'drop-newest']).default('block').meta({
      description: 'While the spool or its disk is full: read no input (block), or drop what is read (drop-newest)',
    }),
    spool: toggle().default(true).meta({
      description:
        'Keep lines on disk; without it they are in memory only, and input is read on when they are published',
      env: 'LOG_SHIPPER_SPOOL',
    }),
    multiline: checkedText((pattern) => void new RegExp(pattern, 'u'))
      .optional()
      .meta({
        description:
          'Regular expression of lines that begin an event; the lines behind one are joined to it (not for files)',
      }),
    multilineWaitMs: durationMs({ min: 1, max: 60_000 })
      .default(1_000)
      .meta({ description: 'How long after its first line an event waits for more lines, in milliseconds' }),
    redact: list(choice(secretKinds)).default([]).meta({
      description: 'Secrets that are taken out of lines before the spool: cards, tokens, email',
    }),
    redactKeys: list(text().max(200)).default([]).meta({
      description: 'Keys of JSON, at any depth, whose values are taken out of lines before the spool',
    }),
    redactPattern: checkedText((pattern) => void secretPattern(pattern))
      .optional()
      .meta({
        description: 'Regular expression of what else is taken out of lines before the spool',
      }),
    fields: list(choice(fieldNames)).default([]).meta({
      description: 'Headers that say where lines come from: host, service, pod, stream',
      env: 'LOG_FIELDS',
    }),
    exitRecord: toggle().default(false).meta({
      description: 'Ship a record of the exit of the child as the last line: code, signal, end of its standard error',
    }),
    serviceName: text().max(200).optional().meta({
      description: 'Name of the service, for --fields (none = topic without `logs.`)',
      env: 'OTEL_SERVICE_NAME',
    }),
    podName: text().max(200).optional().meta({
      description: 'Name of the pod, for --fields, as the downward API of Kubernetes gives it (none = host name)',
      env: 'POD_NAME',
    }),
    batchCount: integer({ min: 1, max: 100_000 }).default(10_000).meta({ description: 'Lines published at once' }),
    batchBytes: bytes({ min: 1, max: 64 * 1024 * 1024 })
      .default(1024 * 1024)
      .meta({ description: 'Bytes published at once; the line that reaches it is the last' }),
    batchPeriodMs: durationMs({ max: 60_000 })
      .default(50)
      .meta({ description: 'How long a line waits for more to be published with it, in milliseconds' }),
    publishTimeoutMs: durationMs({ min: 100, max: 600_000 })
      .default(30_000)
      .meta({ description: 'How long one publish may take before it is tried again, in milliseconds' }),
    maxRetryDelayMs: durationMs({ min: 100, max: 600_000 })
      .default(10_000)
      .meta({ description: 'Longest wait before a publish is tried again, in milliseconds' }),
    inputGraceMs: durationMs({ max: 600_000 })
      .default(500)
      .meta({ description: 'How long standard input is read on after a stop, unless it ends, in milliseconds' }),
    childGraceMs: durationMs({ max: 600_000 })
      .default(5_000)
      .meta({ description: 'How long a stopped child may take to end before it is killed, in milliseconds' }),
  })
  .refine(({ maxLineBytes, spoolMaxBytes }) => spoolMaxBytes >= leastSpoolBytes(maxLineBytes), {
    path: ['spoolMaxBytes'],
    error: 'is too small for maxLineBytes: it must hold four of the longest lines, 32 bytes more each',
  })
  .refine(({ files, multiline }) => files.length === 0 || multiline === undefined, {
    path: ['multiline'],
    error: 'is not for files: it joins the lines of standard input or of a child',
  })
  .refine(
    ({ files, maxLineBytes, spoolMaxBytes }) =>
      files.length === 0 || spoolMaxBytes >= leastSpoolBytes(maxLineBytes + maxOriginBytes),
    {
      path: ['spoolMaxBytes'],
      error: 'is too small for maxLineBytes and files: it must hold four of the longest lines, 65,581 bytes more each',
    },
  )
  .superRefine((config, context) => {
    for (const { path, problem } of kafkaFlagFaults(config))
      context.addIssue({ code: 'custom', path, message: problem })
  })

export type Config = Readonly<z.infer<typeof settings>>
