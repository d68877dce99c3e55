import { text } from '@armature/config/settings'
import { usageError } from '@armature/messaging-commands/broker-command'
import { durationMsOf } from '@armature/messaging-commands/duration'
import { durationText } from '@armature/messaging-commands/duration-settings'
import { command, type Command, type CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { MatcherError, matcherText, parseMatcher } from '../alerts/matcher.ts'
import { writtenMatcher } from '../alerts/silence.ts'
import { readAnswer, ownName } from './answers.ts'
import { type ApiClient, apiSettings, createApiClient } from './api-client.ts'
import { formatSetting, printAll } from './print.ts'

const settings = z.object({
  ...apiSettings,
  for: durationText().default('1h').meta({ description: 'How long a new silence lasts', env: 'SILENCE_FOR' }),
  comment: text().optional().meta({ description: 'Why; shown beside the silence', env: 'SILENCE_COMMENT' }),
  author: text().optional().meta({ description: 'Who silences (none = the name of this user)', env: 'SILENCE_AUTHOR' }),
  format: formatSetting('SILENCE_FORMAT'),
})

type Config = Readonly<z.infer<typeof settings>>

/** `silence`. */
export const silenceCommand = (): Command =>
  command({
    summary: 'List the silences, add one, or expire some',
    positionals: { usage: '[list] | add MATCHER... | expire ID...', max: 50 },
    settings,
    run: async (config, io) => {
      const [action = 'list', ...rest] = io.positionals
      const client = createApiClient(config.apiUrl, io.signal)
      switch (action) {
        case 'list':
          return list(client, config, io)
        case 'add':
          return add(client, config, rest, io)
        case 'expire':
          return expire(client, rest)
        default:
          throw usageError(
            `silence knows no ${action}`,
            'Write silence list, silence add MATCHER... or silence expire ID...',
          )
      }
    },
  })

const answer = z.array(
  z.looseObject({
    id: z.string(),
    status: z.object({ state: z.string() }),
    endsAt: z.string(),
    createdBy: z.string(),
    comment: z.string(),
    matchers: z.array(writtenMatcher),
  }),
)

const list = async (client: ApiClient, { format }: Config, io: CommandIo): Promise<number> => {
  const silences = readAnswer(answer, await client.get('silences')).filter(({ status }) => status.state !== 'expired')
  await printAll(io, format, {
    head: ['ID', 'STATE', 'UNTIL', 'BY', 'MATCHERS', 'COMMENT'],
    rows: silences.map(({ id, status, endsAt, createdBy, matchers, comment }) => [
      ...[id, status.state, endsAt, createdBy, matchers.map(matcherText).join(' '), comment],
    ]),
    objects: silences,
  })
  return exitCodes.ok
}

const add = async (client: ApiClient, config: Config, written: readonly string[], io: CommandIo): Promise<number> => {
  if (written.length === 0)
    throw usageError('nothing says what to silence', 'Give a MATCHER, such as \'alertname="disk"\'')
  const now = Date.now()
  const silence = {
    matchers: written.map(matcherOf),
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + (durationMsOf(config.for) ?? 0)).toISOString(),
    createdBy: config.author ?? ownName(),
    comment: config.comment ?? '',
  }
  const { silenceID } = readAnswer(z.object({ silenceID: z.string() }), await client.post('silences', silence))
  io.stdout.write(`${config.format === 'json' ? JSON.stringify({ id: silenceID, ...silence }) : silenceID}\n`)
  return exitCodes.ok
}

const matcherOf = (text: string) => {
  try {
    const { name, value, isRegex, isEqual } = parseMatcher(text)
    return { name, value, isRegex, isEqual }
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error
    throw usageError(`${JSON.stringify(text)} ${error.message}`, 'Correct the matcher')
  }
}

const expire = async (client: ApiClient, ids: readonly string[]): Promise<number> => {
  if (ids.length === 0) throw usageError('nothing says which silence to expire', 'Give the ID that silence list shows')
  for (const id of ids) await client.remove(`silence/${encodeURIComponent(id)}`)
  return exitCodes.ok
}
