import { readFile } from 'node:fs/promises'
import { type Finding, problemLine, type ReadYaml, readYaml } from '@armature/config/yaml-file'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { InhibitRule } from '../alerts/inhibition.ts'
import {
  type AlertsConfig,
  alertsConfigSchema,
  type WrittenReceiver,
  type WrittenRoute,
} from './alerts-config-schema.ts'
import { type Route, routeId } from './route.ts'
import type { TimeInterval } from './time-interval.ts'

/** What the file of `--alerts-config` says, ready for use. */
export interface AlertsPlan {
  /** An alert that is not refreshed for so long is resolved. */
  readonly resolveTimeoutMs: number
  /** Undefined: alerts go to their topics alone. */
  readonly route: Route | undefined
  readonly receivers: readonly WrittenReceiver[]
  readonly global: AlertsConfig['global']
  readonly inhibitRules: readonly InhibitRule[]
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
  /** The text of the file. */
  readonly source: string
}

const maxDepth = 10
const defaults = { groupBy: [], groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 }

/** Reads a text. Never throws: all that is wrong is in `problems`. */
export const inspectAlertsConfig = (source: string): ReadYaml<AlertsConfig> =>
  readYaml(isEmpty(source) ? '{}' : source, { schema: alertsConfigSchema, inspect: findings })

/** The plan of a text. Throws ServiceError, which lists all that is wrong, each with its line and column. */
export const readAlertsPlan = (source: string, file: string): AlertsPlan => {
  const { value, problems } = inspectAlertsConfig(source)
  if (value === undefined) {
    const lines = problems.map((problem) => problemLine(file, problem)).join('; ')
    throw new ServiceError(`the alert configuration cannot be used: ${lines}`, {
      exitCode: exitCodes.config,
      fix: 'Correct the file that --alerts-config (env ALERTS_CONFIG) names',
    })
  }
  return {
    resolveTimeoutMs: value.global.resolve_timeout,
    route: value.route && routeOf({ ...value.route, matchers: [], continue: false }, undefined, 0),
    receivers: value.receivers,
    global: value.global,
    inhibitRules: value.inhibit_rules.map((rule) => ({
      sourceMatchers: rule.source_matchers,
      targetMatchers: rule.target_matchers,
      equal: rule.equal,
    })),
    timeIntervals: new Map(value.time_intervals.map((each) => [each.name, each.time_intervals])),
    source,
  }
}

/** Nothing but comments. */
const isEmpty = (source: string): boolean => source.split('\n').every((line) => /^\s*(?:#.*)?$/.test(line))

/** The plan of a file; without one alerts go to their topics alone. Rejects with ServiceError. */
export const loadAlertsPlan = async (file: string | undefined): Promise<AlertsPlan> => {
  if (file === undefined) return readAlertsPlan('', 'none')
  const source = await readFile(file, 'utf8').catch((cause: unknown) => {
    const fix = 'Name a file that this user may read by --alerts-config (env ALERTS_CONFIG)'
    throw new ServiceError(`${file} cannot be read`, { exitCode: exitCodes.config, fix, cause })
  })
  return readAlertsPlan(source, file)
}

const routeOf = (written: WrittenRoute, above: Route | undefined, place: number): Route => {
  const { group_by: groupBy } = written
  const id = above === undefined ? '{}' : routeId(above.id, written.matchers, place)
  const own: Omit<Route, 'routes'> = {
    id,
    receiver: written.receiver ?? above?.receiver ?? '',
    matchers: written.matchers,
    groupBy: groupBy === undefined ? (above?.groupBy ?? defaults.groupBy) : groupBy.includes('...') ? 'all' : groupBy,
    groupWaitMs: written.group_wait ?? above?.groupWaitMs ?? defaults.groupWaitMs,
    groupIntervalMs: written.group_interval ?? above?.groupIntervalMs ?? defaults.groupIntervalMs,
    repeatIntervalMs: written.repeat_interval ?? above?.repeatIntervalMs ?? defaults.repeatIntervalMs,
    muteTimeIntervals: written.mute_time_intervals,
    activeTimeIntervals: written.active_time_intervals,
    continues: written.continue,
  }
  return { ...own, routes: written.routes.map((child, each) => routeOf(child, { ...own, routes: [] }, each)) }
}

/** What names something that is not there, or is there twice. */
const findings = (config: AlertsConfig): readonly Finding[] => {
  const receivers = config.receivers.map(({ name }) => name)
  const intervals = config.time_intervals.map(({ name }) => name)
  const twice = (names: readonly string[], key: string): Finding[] =>
    names.flatMap((name, place) =>
      names.indexOf(name) < place ? [{ path: [key, place, 'name'], text: 'is the name of an earlier one' }] : [],
    )
  const ofRoute = (route: Omit<WrittenRoute, 'matchers' | 'continue'>, path: readonly PropertyKey[]): Finding[] => [
    ...(route.receiver === undefined || receivers.includes(route.receiver)
      ? []
      : [{ path: [...path, 'receiver'], text: `names no receiver: ${receivers.join(', ') || 'there is none'}` }]),
    ...(['mute_time_intervals', 'active_time_intervals'] as const).flatMap((key) =>
      route[key].flatMap((name, place) =>
        intervals.includes(name) ? [] : [{ path: [...path, key, place], text: 'names no entry of time_intervals' }],
      ),
    ),
    ...(path.length > 2 * maxDepth ? [{ path, text: `is deeper than ${maxDepth} branches` }] : []),
    ...route.routes.flatMap((child, place) => ofRoute(child, [...path, 'routes', place])),
  ]
  return [
    ...twice(receivers, 'receivers'),
    ...twice(intervals, 'time_intervals'),
    ...(config.route === undefined ? [] : ofRoute(config.route, ['route'])),
    ...config.receivers.flatMap((receiver, place) => addressFindings(config, receiver, ['receivers', place])),
  ]
}

/** A receiver says where its notices go, once. */
const addressFindings = (
  { global }: AlertsConfig,
  receiver: WrittenReceiver,
  path: readonly PropertyKey[],
): readonly Finding[] => {
  const oneOf = (given: readonly unknown[], names: string, at: readonly PropertyKey[]): readonly Finding[] =>
    given.filter((each) => each !== undefined).length === 1 ? [] : [{ path: at, text: `needs one of ${names}` }]
  return [
    ...receiver.webhook_configs.flatMap((each, place) =>
      oneOf([each.url, each.url_file], 'url and url_file', [...path, 'webhook_configs', place]),
    ),
    ...receiver.slack_configs.flatMap((each, place) => {
      const own = each.api_url ?? each.api_url_file
      const given = own === undefined ? [global.slack_api_url_file] : [each.api_url, each.api_url_file]
      return oneOf(given, 'api_url and api_url_file', [...path, 'slack_configs', place])
    }),
    ...receiver.email_configs.flatMap((each, place): Finding[] => [
      ...((each.smarthost ?? global.smtp_smarthost) === undefined
        ? [{ path: [...path, 'email_configs', place], text: 'needs a smarthost, here or as global.smtp_smarthost' }]
        : []),
      ...((each.from ?? global.smtp_from) === undefined
        ? [{ path: [...path, 'email_configs', place], text: 'needs from, here or as global.smtp_from' }]
        : []),
    ]),
  ]
}
