import { text, toggle } from '@armature/config/settings'
import { usageError } from '@armature/messaging-commands/broker-command'
import { durationMsOf } from '@armature/messaging-commands/duration'
import { durationText } from '@armature/messaging-commands/duration-settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { readAnswer, ownName } from './answers.ts'
import { apiSettings, createApiClient } from './api-client.ts'
import { formatSetting, printAll } from './print.ts'

const claim = z.looseObject({ fingerprint: z.string(), owner: z.string(), note: z.string(), expiresAt: z.string() })

/** `claim`. */
export const claimCommand = (): Command =>
  command({
    summary: 'Claim an alert, so that it is not repeated, or list the claims',
    positionals: { usage: '[FINGERPRINT]', max: 1 },
    settings: z.object({
      ...apiSettings,
      for: durationText().default('1h').meta({ description: 'How long the claim holds', env: 'CLAIM_FOR' }),
      owner: text()
        .optional()
        .meta({ description: 'Who claims it (none = the name of this user)', env: 'CLAIM_OWNER' }),
      note: text().optional().meta({ description: 'What is being done', env: 'CLAIM_NOTE' }),
      release: toggle().default(false).meta({ description: 'Give the alert back', env: 'CLAIM_RELEASE' }),
      format: formatSetting('CLAIM_FORMAT'),
    }),
    run: async ({ apiUrl, owner, note, release, format, ...config }, io) => {
      const client = createApiClient(apiUrl, io.signal)
      const [fingerprint] = io.positionals
      if (release) {
        if (fingerprint === undefined) throw usageError('nothing says which alert to give back', 'Give its FINGERPRINT')
        await client.remove(`claim/${encodeURIComponent(fingerprint)}`)
        return exitCodes.ok
      }
      const claims =
        fingerprint === undefined
          ? readAnswer(z.array(claim), await client.get('claims'))
          : [
              readAnswer(
                claim,
                await client.post('claims', {
                  ...{ fingerprint, owner: owner ?? ownName(), note: note ?? '' },
                  expiresAt: new Date(Date.now() + (durationMsOf(config.for) ?? 0)).toISOString(),
                }),
              ),
            ]
      await printAll(io, format, {
        head: ['FINGERPRINT', 'OWNER', 'UNTIL', 'NOTE'],
        rows: claims.map((each) => [each.fingerprint, each.owner, each.expiresAt, each.note]),
        objects: claims,
      })
      return exitCodes.ok
    },
  })
