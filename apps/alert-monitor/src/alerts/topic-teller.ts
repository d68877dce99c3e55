import type { Notice } from '../events.ts'
import type { Collection } from '../store/kept-collection.ts'
import type { Alert } from './alert.ts'
import type { Trace } from './alert-book.ts'
import type { Claims } from './claims.ts'
import type { FlapScores } from './flap-score.ts'
import { isTopicDue, type StoredAlert, type Told } from './stored-alert.ts'
import { isQuietBy, type Suppression } from './suppression.ts'

export interface TopicTellerOptions {
  readonly stored: Collection<StoredAlert>
  readonly suppressionOf: (alert: Alert) => Suppression
  readonly claims: Claims
  readonly flaps: FlapScores
  readonly repeatMs: number
  readonly nowMs: () => number
  /** Publishes a notice to its topic; false = no room now. `onPublished` is called once the broker has it. */
  readonly publish: (notice: Notice, trace: Trace, id: string, onPublished: () => void) => boolean
  /** Notes that the broker has what was told of an alert. Resolves once that is kept; never rejects. */
  readonly onTold: (fingerprint: string, told: Told) => Promise<void>
}

/** Tells the topics of alerts what is due. */
export interface TopicTeller {
  /** False = there was no room: to be asked again. */
  tell(fingerprint: string): boolean
  forget(fingerprint: string): void
}

/** Has told nothing yet. */
export const createTopicTeller = (options: TopicTellerOptions): TopicTeller => {
  const { stored, suppressionOf, claims, flaps, repeatMs, nowMs, publish, onTold } = options
  /** What was told and is not kept yet. */
  const published = new Map<string, Told>()

  const noticeOf = (alert: Alert, { silencedBy, inhibitedBy }: Suppression, atMs: number): Notice => {
    const flapScore = flaps.score(alert.fingerprint, atMs)
    const claim = claims.of(alert.fingerprint)
    const suppressedBy = [...silencedBy, ...inhibitedBy]
    return {
      ...alert.notice,
      ...(flapScore > 0 && { flapScore }),
      ...(suppressedBy.length > 0 && { suppressedBy }),
      ...(claim && { claimedBy: claim.owner }),
    }
  }

  return {
    tell: (fingerprint) => {
      const held = stored.get(fingerprint)
      if (held === undefined) return true
      const { alert } = held
      const suppression = suppressionOf(alert)
      const [atMs, isQuiet] = [nowMs(), isQuietBy(suppression)]
      const last = published.get(fingerprint) ?? held.told
      const due = { nowMs: atMs, repeatMs, isQuiet, isClaimed: claims.of(fingerprint) !== undefined }
      if (!isTopicDue({ alert, ...(last && { told: last }) }, due)) return true
      const told: Told = { status: alert.notice.status, startsAtMs: alert.startsAtMs, isQuiet, atMs }
      const onPublished = () => {
        void onTold(fingerprint, told).then(() => {
          if (published.get(fingerprint) === told) published.delete(fingerprint)
        })
      }
      const notice = noticeOf(alert, suppression, atMs)
      // It counts as told from now on: the broker may have it before `publish` returns.
      published.set(fingerprint, told)
      if (publish(notice, alert.trace, noticeId(alert, held.told), onPublished)) return true
      if (last === undefined || last === held.told) published.delete(fingerprint)
      else published.set(fingerprint, last)
      return false
    },
    forget: (fingerprint) => void published.delete(fingerprint),
  }
}

/** The same for the same notice of whichever instance, so that a stream that knows ids keeps it once. */
const noticeId = ({ fingerprint, startsAtMs, notice: { status } }: Alert, told: Told | undefined): string =>
  `${fingerprint}-${startsAtMs}-${status}-${told?.startsAtMs === startsAtMs ? told.atMs : 0}`
