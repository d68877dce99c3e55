import * as z from 'zod'
import { type Alert, isResolved, type PostedAlert } from '../alerts/alert.ts'
import type { AlertManager } from '../alerts/alert-manager.ts'
import type { Claim } from '../alerts/claim.ts'
import { maxNoteChars, maxOwnerChars } from '../alerts/claim.ts'
import { isQuietBy } from '../alerts/suppression.ts'
import { type Silence, type SilenceParts, silenceParts, silenceState } from '../alerts/silence.ts'

export const maxPostedAlerts = 1_000
const maxLabels = 64
const maxValueChars = 1_024
const maxAnnotationChars = 4_096
const maxUrlChars = 2_048

const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_:.-]{0,199}$/, { error: 'is no name of a label' })
const atMost = <Value>(values: Readonly<Record<string, Value>>) => Object.keys(values).length <= maxLabels
const tooMany = { error: `has more than ${maxLabels} entries` }
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const postedAlerts = z.array(z.unknown()).max(maxPostedAlerts)

const postedAlert = z.object({
  labels: z
    .record(labelName, z.string().max(maxValueChars))
    .refine(atMost, tooMany)
    // A label without a value is no label.
    .transform((labels) => Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')))
    .refine((labels) => Object.keys(labels).length > 0, { error: 'has no label' }),
  annotations: z.record(labelName, z.string().max(maxAnnotationChars)).refine(atMost, tooMany).default({}),
  startsAt: time.optional(),
  endsAt: time.optional(),
  generatorURL: z
    .string()
    .transform((url) => url.slice(0, maxUrlChars))
    .default(''),
})

/** The alerts of a request, and what is wrong with those that are left out. */
export interface ReadAlerts {
  readonly alerts: readonly PostedAlert[]
  readonly leftOut: number
  /** The place of an alert begins the path of its issues. */
  readonly issues: readonly z.core.$ZodIssue[]
}

/**
 * Reads each alert by itself. One that says no end ends after `resolveTimeoutMs`, unless it is posted again. Throws ZodError for what is no list
 * and for one that is too long.
 */
export const readAlerts = (body: unknown, nowMs: number, resolveTimeoutMs: number): ReadAlerts => {
  const read = postedAlerts.parse(body).map((each) => postedAlert.safeParse(each))
  return {
    alerts: read.flatMap(({ data }) => (data === undefined ? [] : [alertOf(data, nowMs, resolveTimeoutMs)])),
    leftOut: read.filter(({ success }) => !success).length,
    issues: read.flatMap(({ error }, place) =>
      (error?.issues ?? []).map((issue) => ({ ...issue, path: [place, ...issue.path] })),
    ),
  }
}

const alertOf = (
  { labels, annotations, startsAt, endsAt, generatorURL }: z.infer<typeof postedAlert>,
  nowMs: number,
  resolveTimeoutMs: number,
): PostedAlert => ({
  ...{ labels, annotations, generatorUrl: generatorURL },
  startsAtMs: given(startsAt) ?? Math.min(nowMs, given(endsAt) ?? nowMs),
  endsAtMs: given(endsAt) ?? nowMs + resolveTimeoutMs,
})

/** The zero of Go's times stands for none. */
const given = (ms: number | undefined): number | undefined => (ms === undefined || ms <= 0 ? undefined : ms)

const postedSilence = silenceParts
  .omit({ startsAtMs: true, endsAtMs: true })
  .extend({ id: z.string().max(100).optional(), startsAt: time, endsAt: time })

/** The silence of a request. Throws ZodError. */
export const readSilence = (body: unknown): { readonly parts: SilenceParts; readonly id: string | undefined } => {
  const { id, startsAt, endsAt, ...rest } = postedSilence.parse(body)
  return { parts: { ...rest, startsAtMs: startsAt, endsAtMs: endsAt }, id: id === '' ? undefined : id }
}

const postedClaim = z.strictObject({
  fingerprint: z.string().min(1).max(100),
  owner: z.string().min(1).max(maxOwnerChars),
  note: z.string().max(maxNoteChars).default(''),
  expiresAt: time,
})

/** The claim of a request. Throws ZodError. */
export const readClaim = (body: unknown, nowMs: number): Claim => {
  const { expiresAt, ...rest } = postedClaim.parse(body)
  return { ...rest, claimedAtMs: nowMs, expiresAtMs: expiresAt }
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** An alert as the API shows it. */
export const alertModel = (manager: AlertManager, alert: Alert) => {
  const suppression = manager.suppressionOf(alert)
  const claim = manager.claims.of(alert.fingerprint)
  return {
    annotations: alert.annotations,
    endsAt: iso(alert.endsAtMs),
    fingerprint: alert.fingerprint,
    receivers: manager.dispatcher.receiversOf(alert.labels).map((name) => ({ name })),
    startsAt: iso(alert.startsAtMs),
    status: { ...suppression, mutedBy: [], state: isQuietBy(suppression) ? 'suppressed' : 'active' },
    updatedAt: iso(alert.updatedAtMs),
    generatorURL: alert.generatorUrl,
    labels: alert.labels,
    flapScore: manager.flapScoreOf(alert.fingerprint),
    ...(claim && { claim: claimModel(claim) }),
  }
}

export type AlertModel = ReturnType<typeof alertModel>

/** A silence as the API shows it. */
export const silenceModel = (silence: Silence, nowMs: number) => ({
  id: silence.id,
  status: { state: silenceState(silence, nowMs) },
  updatedAt: iso(silence.updatedAtMs),
  comment: silence.comment,
  createdBy: silence.createdBy,
  endsAt: iso(silence.endsAtMs),
  matchers: silence.matchers,
  startsAt: iso(silence.startsAtMs),
})

/** A claim as the API shows it. */
export const claimModel = ({ fingerprint, owner, note, claimedAtMs, expiresAtMs }: Claim) => ({
  ...{ fingerprint, owner, note },
  claimedAt: iso(claimedAtMs),
  expiresAt: iso(expiresAtMs),
})

/** The alerts that fire now. */
export const firingAlerts = (manager: AlertManager, nowMs: number): readonly Alert[] =>
  manager.alerts().filter((alert) => !isResolved(alert, nowMs))
