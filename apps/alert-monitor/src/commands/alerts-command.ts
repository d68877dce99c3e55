import { toggle } from '@armature/config/settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { apiSettings, createApiClient } from './api-client.ts'
import { labelsText, readAnswer } from './answers.ts'
import { formatSetting, printAll } from './print.ts'

const answer = z.array(
  z.looseObject({
    fingerprint: z.string(),
    startsAt: z.string(),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    status: z.object({ state: z.string() }),
    claim: z.object({ owner: z.string() }).optional(),
  }),
)

/** `alerts`. */
export const alertsCommand = (): Command =>
  command({
    summary: 'List the alerts that fire, those that fit all MATCHERs',
    positionals: { usage: 'MATCHER...', max: 50 },
    settings: z.object({
      ...apiSettings,
      format: formatSetting('ALERTS_FORMAT'),
      quiet: toggle()
        .default(true)
        .meta({ description: 'Also those that a silence or another alert keeps quiet', env: 'ALERTS_QUIET' }),
    }),
    run: async ({ apiUrl, format, quiet }, io) => {
      const filters = io.positionals.map((matcher) => ['filter', matcher] as const)
      const states = quiet
        ? []
        : ([
            ['silenced', 'false'],
            ['inhibited', 'false'],
          ] as const)
      const alerts = readAnswer(answer, await createApiClient(apiUrl, io.signal).get('alerts', [...filters, ...states]))
      await printAll(io, format, {
        head: ['FINGERPRINT', 'STATE', 'SINCE', 'CLAIMED BY', 'LABELS', 'SUMMARY'],
        rows: alerts.map(({ fingerprint, status, startsAt, claim, labels, annotations }) => [
          ...[fingerprint, status.state, startsAt, claim?.owner ?? '-'],
          ...[labelsText(labels), annotations['summary'] ?? ''],
        ]),
        objects: alerts,
      })
      return exitCodes.ok
    },
  })
