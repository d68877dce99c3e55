import { readFile } from 'node:fs/promises'
import type { Clock } from '@armature/async/clock'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createWebhook } from '@armature/webhook/webhook'
import type { AlertsPlan } from '../dispatch/alerts-config.ts'
import type { WrittenReceiver } from '../dispatch/alerts-config-schema.ts'
import { logId } from '../dispatch/group.ts'
import type { Integration, Notification, Receivers } from '../dispatch/notification.ts'
import { emailIntegration } from './email.ts'
import { slackMessage } from './slack-message.ts'
import { webhookMessage } from './webhook-message.ts'

export interface ReceiversOptions {
  readonly plan: AlertsPlan
  /** Where the API of this monitor is; empty = it has none. */
  readonly externalUrl: () => string
  readonly clock: Clock
  /** Called after each request to a webhook: `2xx`, `timeout`, `refused`, `unreachable`. */
  readonly onRequest: (integration: string, outcome: string, durationMs: number) => void
}

const attempts = 3

/** The receivers of the configuration, with the secrets of their files. Rejects with ServiceError where one cannot be read. */
export const openReceivers = async (options: ReceiversOptions): Promise<Receivers> =>
  new Map(
    await Promise.all(
      options.plan.receivers.map(async (receiver) => [receiver.name, await integrationsOf(receiver, options)] as const),
    ),
  )

const integrationsOf = async (
  receiver: WrittenReceiver,
  options: ReceiversOptions,
): Promise<readonly Integration[]> => [
  ...(await Promise.all(
    receiver.webhook_configs.map((config, place) =>
      webhookIntegration(`${receiver.name}/webhook/${place}`, config, options),
    ),
  )),
  ...(await Promise.all(
    receiver.slack_configs.map((config, place) => slackIntegration(`${receiver.name}/slack/${place}`, config, options)),
  )),
  ...receiver.email_configs.flatMap((config, place) => mail(`${receiver.name}/email/${place}`, config, options)),
]

const mail = (
  id: string,
  config: WrittenReceiver['email_configs'][number],
  { plan: { global } }: ReceiversOptions,
): readonly Integration[] => {
  const [smarthost, from] = [config.smarthost ?? global.smtp_smarthost, config.from ?? global.smtp_from]
  const passwordFile = config.auth_password_file ?? global.smtp_auth_password_file
  // The configuration is refused where one of them is missing.
  if (smarthost === undefined || from === undefined) return []
  return [
    emailIntegration({
      ...{ id, sendResolved: config.send_resolved, to: config.to, from, smarthost },
      username: config.auth_username ?? global.smtp_auth_username,
      password: () => secretOf(passwordFile),
      requireTls: config.require_tls ?? global.smtp_require_tls,
    }),
  ]
}

interface Posting {
  readonly url: string
  readonly token?: string | undefined
  readonly signingSecret?: string | undefined
  readonly timeoutMs: number
  readonly allowNetworks: readonly string[]
}

/** Posts bodies of JSON. */
const posting = (id: string, given: Posting, { clock, onRequest }: ReceiversOptions) => {
  const post = opened(id, () =>
    createWebhook({
      ...given,
      ...{ attempts, clock, random: Math.random },
      onRequest: (outcome, durationMs) => onRequest(id, outcome, durationMs),
    }),
  )
  return (body: unknown, requestId: string, signal: AbortSignal) =>
    post(
      { id: requestId, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) },
      signal,
    )
}

const webhookIntegration = async (
  id: string,
  config: WrittenReceiver['webhook_configs'][number],
  options: ReceiversOptions,
): Promise<Integration> => {
  const post = posting(
    id,
    {
      url: config.url ?? (await secretOf(config.url_file)) ?? '',
      token: await secretOf(config.bearer_token_file),
      signingSecret: await secretOf(config.signing_secret_file),
      timeoutMs: config.timeout,
      allowNetworks: config.allow_networks ?? options.plan.global.allow_networks,
    },
    options,
  )
  return {
    id,
    sendResolved: config.send_resolved,
    notify: (notification, signal) => {
      const message = webhookMessage(notification, { externalUrl: options.externalUrl(), maxAlerts: config.max_alerts })
      return post(message, requestId(notification, id), signal)
    },
  }
}

const slackIntegration = async (
  id: string,
  config: WrittenReceiver['slack_configs'][number],
  options: ReceiversOptions,
): Promise<Integration> => {
  const { global } = options.plan
  const post = posting(
    id,
    {
      url: config.api_url ?? (await secretOf(config.api_url_file ?? global.slack_api_url_file)) ?? '',
      timeoutMs: config.timeout,
      allowNetworks: config.allow_networks ?? global.allow_networks,
    },
    options,
  )
  return {
    id,
    sendResolved: config.send_resolved,
    notify: (notification, signal) => post(slackMessage(notification, config), requestId(notification, id), signal),
  }
}

/** Names a notification among those of all groups, in characters that a header may have. */
const requestId = ({ groupKey, atMs }: Notification, integration: string): string =>
  `${logId(groupKey, integration)}-${atMs}`

/** The text of a file without white space around it. Rejects with ServiceError. */
const secretOf = async (file: string | undefined): Promise<string | undefined> => {
  if (file === undefined) return undefined
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw configError(`the file ${file} of a receiver cannot be read`, 'Name a file that this user may read', cause)
  }
}

const opened = <Result>(id: string, open: () => Result): Result => {
  try {
    return open()
  } catch (cause) {
    throw configError(
      `the receiver ${id} cannot be used`,
      'Correct it in the file that --alerts-config (env ALERTS_CONFIG) names',
      cause,
    )
  }
}

const configError = (problem: string, fix: string, cause: unknown): ServiceError =>
  new ServiceError(problem, { exitCode: exitCodes.config, fix, cause })
