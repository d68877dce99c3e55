import { durationText } from '@armature/config/duration'
import { text } from '@armature/config/settings'
import { usageError } from '@armature/messaging-commands/broker-command'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { matcherText } from '../alerts/matcher.ts'
import { type AlertsPlan, loadAlertsPlan, readAlertsPlan } from '../dispatch/alerts-config.ts'
import { type Route, routesOf } from '../dispatch/route.ts'
import { readAnswer } from './answers.ts'
import { apiSettings, createApiClient } from './api-client.ts'
import { formatSetting, printAll } from './print.ts'

/** `routes`. */
export const routesCommand = (): Command =>
  command({
    summary: 'Show the routing tree, or test which receivers an alert with these labels goes to',
    positionals: { usage: '[show] | test NAME=VALUE...', max: 65 },
    settings: z.object({
      ...apiSettings,
      alertsConfig: text()
        .optional()
        .meta({ description: 'File to read instead of asking the API', env: 'ALERTS_CONFIG' }),
      format: formatSetting('ROUTES_FORMAT'),
    }),
    run: async ({ apiUrl, alertsConfig, format }, io) => {
      const [action = 'show', ...written] = io.positionals
      if (action !== 'show' && action !== 'test')
        throw usageError(`routes knows no ${action}`, 'Write routes show or routes test NAME=VALUE...')
      const { route } =
        alertsConfig === undefined ? await planOfApi(apiUrl, io.signal) : await loadAlertsPlan(alertsConfig)
      if (route === undefined) {
        io.stderr.write('there is no route: alerts go to their topics alone\n')
        return exitCodes.ok
      }
      const shown = action === 'test' ? routesOf(route, labelsOf(written)) : allBelow(route)
      await printAll(io, format, {
        head: ['RECEIVER', 'MATCHERS', 'GROUP BY', 'WAIT', 'INTERVAL', 'REPEAT'],
        rows: shown.map((each) => [
          ...[each.receiver, each.matchers.map(matcherText).join(' ') || '-'],
          each.groupBy === 'all' ? '...' : each.groupBy.join(' ') || '-',
          ...[each.groupWaitMs, each.groupIntervalMs, each.repeatIntervalMs].map(durationText),
        ]),
        objects: shown.map((each) => ({ ...each, matchers: each.matchers.map(matcherText), routes: undefined })),
      })
      return exitCodes.ok
    },
  })

const planOfApi = async (apiUrl: string, signal: AbortSignal): Promise<AlertsPlan> => {
  const status = await createApiClient(apiUrl, signal).get('status')
  const { config } = readAnswer(z.looseObject({ config: z.object({ original: z.string() }) }), status)
  return readAlertsPlan(config.original, 'the configuration of the monitor')
}

const allBelow = (route: Route): readonly Route[] => [route, ...route.routes.flatMap(allBelow)]

const labelsOf = (written: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    written.map((text) => {
      const [, name, value = ''] = /^([^=\s]+)=(.*)$/s.exec(text) ?? []
      if (name === undefined) throw usageError(`${JSON.stringify(text)} is no label`, 'Write NAME=VALUE')
      return [name, value]
    }),
  )
