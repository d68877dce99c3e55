import { duration } from '@armature/config/duration'
import { parseHostPort } from '@armature/async/host-port'
import * as z from 'zod'
import { type Matcher, MatcherError, parseMatcher } from '../alerts/matcher.ts'
import { timeInterval } from './time-interval.ts'

const dayMs = 86_400_000
const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_:.-]*$/, { error: 'is no name of a label' })
const name = z.string().min(1).max(200)
const interval = duration({ min: 1_000, max: 365 * dayMs })
const wait = duration({ min: 0, max: dayMs })

const matcher = z.string().transform((text, context) => {
  try {
    return parseMatcher(text)
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return z.NEVER
  }
})
const matchers = z.array(matcher).max(50)

const smarthost = z.string().transform((text, context) => {
  const place = parseHostPort(text)
  if (!('problem' in place)) return place
  context.addIssue({ code: 'custom', message: `is no HOST:PORT: ${place.problem}` })
  return z.NEVER
})

const networks = z.array(z.string()).max(100)

const webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).optional(),
  url_file: name.optional(),
  send_resolved: z.boolean().default(true),
  bearer_token_file: name.optional(),
  signing_secret_file: name.optional(),
  max_alerts: z.int().min(0).max(1_000).default(0),
  timeout: duration({ min: 100, max: 60_000 }).default(10_000),
  allow_networks: networks.optional(),
})

const email = z.strictObject({
  to: z.string().min(3).max(1_000),
  from: name.optional(),
  smarthost: smarthost.optional(),
  auth_username: name.optional(),
  auth_password_file: name.optional(),
  require_tls: z.boolean().optional(),
  send_resolved: z.boolean().default(false),
})

const slack = z.strictObject({
  api_url: z.url({ protocol: /^https?$/ }).optional(),
  api_url_file: name.optional(),
  channel: name.optional(),
  username: name.optional(),
  send_resolved: z.boolean().default(false),
  timeout: duration({ min: 100, max: 60_000 }).default(10_000),
  allow_networks: networks.optional(),
})

const receiver = z.strictObject({
  name,
  webhook_configs: z.array(webhook).max(20).default([]),
  email_configs: z.array(email).max(20).default([]),
  slack_configs: z.array(slack).max(20).default([]),
})

const routeFields = {
  receiver: name.optional(),
  group_by: z
    .array(z.union([z.literal('...'), labelName]))
    .max(50)
    .optional(),
  group_wait: wait.optional(),
  group_interval: interval.optional(),
  repeat_interval: interval.optional(),
  mute_time_intervals: z.array(name).max(50).default([]),
  active_time_intervals: z.array(name).max(50).default([]),
}

type RouteFields = Readonly<z.output<z.ZodObject<typeof routeFields>>>

/** A branch of the routing tree, as the file has it. */
export interface WrittenRoute extends RouteFields {
  readonly matchers: readonly Matcher[]
  readonly continue: boolean
  readonly routes: readonly WrittenRoute[]
}

const route: z.ZodType<WrittenRoute> = z.strictObject({
  ...routeFields,
  matchers: matchers.default([]),
  continue: z.boolean().default(false),
  get routes() {
    return z.array(route).max(200).default([])
  },
})

/** The first branch takes every alert. */
const rootRoute = z.strictObject({ ...routeFields, receiver: name, routes: z.array(route).max(200).default([]) })

const inhibitRule = z.strictObject({
  source_matchers: matchers.min(1),
  target_matchers: matchers.min(1),
  equal: z.array(labelName).max(50).default([]),
})

/** The file of `--alerts-config`, with the names of Alertmanager's configuration. */
export const alertsConfigSchema = z.strictObject({
  global: z
    .strictObject({
      resolve_timeout: duration({ min: 10_000, max: dayMs }).default(300_000),
      smtp_smarthost: smarthost.optional(),
      smtp_from: name.optional(),
      smtp_auth_username: name.optional(),
      smtp_auth_password_file: name.optional(),
      smtp_require_tls: z.boolean().default(true),
      slack_api_url_file: name.optional(),
      allow_networks: networks.default([]),
    })
    .prefault({}),
  route: rootRoute.optional(),
  receivers: z.array(receiver).max(1_000).default([]),
  inhibit_rules: z.array(inhibitRule).max(1_000).default([]),
  time_intervals: z
    .array(z.strictObject({ name, time_intervals: z.array(timeInterval).min(1).max(50) }))
    .max(200)
    .default([]),
})

export type AlertsConfig = Readonly<z.output<typeof alertsConfigSchema>>
export type WrittenReceiver = AlertsConfig['receivers'][number]
