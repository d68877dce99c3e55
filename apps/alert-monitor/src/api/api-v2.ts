import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendText } from '@armature/service/http-server'
import { packageVersion } from '@armature/service/version'
import * as z from 'zod'
import { RequestError } from '@armature/service/http-request'
import type { AlertManager } from '../alerts/alert-manager.ts'
import { NotKeptError, TooManyAlertsError } from '../alerts/alert-intake.ts'
import { ClaimError } from '../alerts/claims.ts'
import { MatcherError } from '../alerts/matcher.ts'
import { SilenceError } from '../alerts/silence.ts'
import type { AlertsPlan } from '../dispatch/alerts-config.ts'
import { filterOf, receiverFilterOf, stateFilterOf } from './api-filter.ts'
import {
  alertModel,
  type AlertModel,
  claimModel,
  firingAlerts,
  readAlerts,
  readClaim,
  readSilence,
  silenceModel,
} from './api-models.ts'
import { readJson } from './request-body.ts'

export interface ApiOptions {
  readonly manager: AlertManager
  readonly plan: AlertsPlan
  readonly nowMs: () => number
  readonly startedAtMs: number
}

/** Answers with JSON; undefined = there is nothing of that name. */
type Endpoint = (asked: Asked) => unknown

interface Asked extends ApiOptions {
  readonly parameters: URLSearchParams
  /** The end of the path, of endpoints that have one. */
  readonly name: string
  readonly body: () => Promise<unknown>
}

/**
 * Alertmanager's API, version 2, as amtool and Grafana speak it, and below `/api/v2/claims` who works on which alert. Whatever is asked is
 * bounded: bodies, labels, filters, and expressions, which are those of RE2.
 */
export const answerApi =
  (options: ApiOptions) =>
  async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    try {
      const { pathname, searchParams: parameters } = url
      const isProbe = pathname === '/-/healthy' || pathname === '/-/ready'
      if (isProbe) return sendText(response, 200, 'OK')
      const found = endpointOf(pathname)
      if (found === undefined) throw new RequestError(404, 'no such path: this server answers below /api/v2/')
      const { methods, name } = found
      const endpoint = methods[request.method === 'HEAD' ? 'GET' : (request.method ?? '')]
      if (endpoint === undefined) {
        response.setHeader('allow', Object.keys(methods).join(', '))
        throw new RequestError(405, `only ${Object.keys(methods).join(' and ')}`)
      }
      const answer = await endpoint({ ...options, parameters, name, body: () => readJson(request) })
      if (answer === undefined) throw new RequestError(404, `nothing is known by ${JSON.stringify(name.slice(0, 100))}`)
      sendJson(response, 200, answer)
    } catch (error) {
      const { status, message } = refusal(error)
      // What is left of the body is not read.
      if (!request.complete) response.setHeader('connection', 'close')
      sendJson(response, status, message)
    }
  }

const refusal = (error: unknown): { status: number; message: string } => {
  if (error instanceof RequestError) return { status: error.status, message: error.message }
  if (error instanceof z.ZodError) return { status: 400, message: describeIssues(error.issues) }
  if (error instanceof SilenceError || error instanceof MatcherError) return { status: 400, message: error.message }
  if ([ClaimError, NotKeptError, TooManyAlertsError].some((kind) => error instanceof kind))
    return { status: 503, message: (error as Error).message }
  throw error
}

const maxIssues = 5

const describeIssues = (issues: readonly z.core.$ZodIssue[]): string =>
  issues
    .slice(0, maxIssues)
    .map((issue) => {
      const place = issue.path.map(String).join('.').slice(0, 200) || 'the body'
      // Of a name that is wrong the reason lies deeper.
      const { message } = issue.code === 'invalid_key' ? (issue.issues[0] ?? issue) : issue
      return `${place}: ${message.slice(0, 200)}`
    })
    .join('; ')

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendText(response, status, JSON.stringify(body), 'application/json')

type Methods = Readonly<Record<string, Endpoint>>

const base = '/api/v2/'

const endpointOf = (pathname: string): { readonly methods: Methods; readonly name: string } | undefined => {
  if (!pathname.startsWith(base)) return undefined
  const path = pathname.slice(base.length)
  if (Object.hasOwn(endpoints, path)) return { methods: endpoints[path] ?? {}, name: '' }
  const [, kind = '', name = ''] = /^(silence|claim)\/([A-Za-z0-9-]{1,100})$/.exec(path) ?? []
  const methods = kind === '' ? undefined : named[kind]
  return methods && { methods, name }
}

const listAlerts = ({ manager, parameters, nowMs }: Asked): readonly AlertModel[] => {
  const [fits, fitsReceiver, fitsState] = [
    filterOf(parameters),
    receiverFilterOf(parameters),
    stateFilterOf(parameters),
  ]
  return firingAlerts(manager, nowMs())
    .filter(({ labels }) => fits(labels))
    .map((alert) => alertModel(manager, alert))
    .filter(
      (alert) =>
        fitsState(alert) &&
        fitsAny(
          alert.receivers.map(({ name }) => name),
          fitsReceiver,
        ),
    )
    .toSorted((one, other) => (one.startsAt < other.startsAt ? -1 : 1))
}

/** An alert that goes to its topic alone is not left out where no receiver is asked for. */
const fitsAny = (names: readonly string[], fits: (name: string) => boolean): boolean =>
  names.length === 0 ? fits('') : names.some(fits)

const listGroups = (asked: Asked) => {
  const { manager, parameters } = asked
  const shown = new Map(listAlerts(asked).map((alert) => [alert.fingerprint, alert]))
  const fitsReceiver = receiverFilterOf(parameters)
  return manager.dispatcher
    .groups()
    .filter(({ route }) => fitsReceiver(route.receiver))
    .map(({ labels, route, fingerprints }) => {
      const mutedBy = manager.dispatcher.mutedBy(route)
      const alerts = [...fingerprints].flatMap((fingerprint) => shown.get(fingerprint) ?? [])
      return {
        labels,
        receiver: { name: route.receiver },
        alerts: alerts.map((alert) => ({ ...alert, status: { ...alert.status, mutedBy } })),
      }
    })
    .filter(({ alerts }) => alerts.length > 0)
}

const status = ({ plan, startedAtMs }: Asked) => ({
  cluster: { status: 'disabled', peers: [] },
  versionInfo: { version: packageVersion(), branch: '', buildDate: '', buildUser: '', goVersion: '', revision: '' },
  config: { original: plan.source },
  uptime: new Date(startedAtMs).toISOString(),
})

const postAlerts = async ({ manager, plan, nowMs, body }: Asked) => {
  const { alerts, leftOut, issues } = readAlerts(await body(), nowMs(), plan.resolveTimeoutMs)
  await manager.post(alerts)
  if (leftOut === 0) return {}
  const all = alerts.length + leftOut
  throw new RequestError(
    400,
    `${leftOut} of ${all} alerts are refused, the others are taken: ${describeIssues(issues)}`,
  )
}

const listSilences = ({ manager, parameters, nowMs }: Asked) => {
  const fits = filterOf(parameters)
  return manager.silences
    .all()
    .filter(({ matchers }) => fits(Object.fromEntries(matchers.map(({ name, value }) => [name, value]))))
    .map((silence) => silenceModel(silence, nowMs()))
}

const postSilence = async ({ manager, body }: Asked) => {
  const { parts, id } = readSilence(await body())
  if (id !== undefined && manager.silences.get(id) === undefined)
    throw new RequestError(404, `there is no silence ${JSON.stringify(id.slice(0, 100))}`)
  return { silenceID: await manager.silences.set(parts, id) }
}

const getSilence = ({ manager, name, nowMs }: Asked) => {
  const silence = manager.silences.get(name)
  return silence && silenceModel(silence, nowMs())
}

const deleteSilence = async ({ manager, name }: Asked) => ((await manager.silences.expire(name)) ? {} : undefined)

const postClaim = async ({ manager, nowMs, body }: Asked) => {
  const claim = readClaim(await body(), nowMs())
  if (claim.expiresAtMs <= nowMs()) throw new RequestError(400, 'the claim has expired already: give a later time')
  if (manager.get(claim.fingerprint) === undefined)
    throw new RequestError(404, `there is no alert ${JSON.stringify(claim.fingerprint)}`)
  await manager.claims.set(claim)
  return claimModel(claim)
}

const endpoints: Readonly<Record<string, Methods>> = {
  status: { GET: status },
  receivers: { GET: ({ plan }) => plan.receivers.map(({ name }) => ({ name })) },
  alerts: { GET: listAlerts, POST: postAlerts },
  'alerts/groups': { GET: listGroups },
  silences: { GET: listSilences, POST: postSilence },
  claims: { GET: ({ manager }) => manager.claims.all().map(claimModel), POST: postClaim },
}

const named: Readonly<Record<string, Methods>> = {
  silence: { GET: getSilence, DELETE: deleteSilence },
  claim: { DELETE: async ({ manager, name }) => ((await manager.claims.release(name)) ? {} : undefined) },
}
