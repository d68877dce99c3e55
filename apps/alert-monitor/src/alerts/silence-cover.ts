import type { Labels } from './alert.ts'
import { type Silence, silenceState } from './silence.ts'

/** Which silences cover which alerts, worked out once until a silence changes, begins or ends. */
export interface SilenceCover {
  /** The ids of the active silences that cover the labels. */
  covering(labels: Labels, nowMs: number): readonly string[]
  /** A silence came, changed or went. */
  changed(): void
}

/** Asks `silences` again after each change. Alerts are remembered by their object of labels, as long as somebody else holds it. */
export const createSilenceCover = (
  silences: () => Iterable<Pick<Silence, 'id' | 'startsAtMs' | 'endsAtMs' | 'covers'>>,
): SilenceCover => {
  let active: readonly Pick<Silence, 'id' | 'covers'>[] = []
  let known = new WeakMap<Labels, readonly string[]>()
  /** What is known is so from the first of these times on, and until the second. */
  let [fromMs, untilMs] = [Infinity, -Infinity]

  const lookAgain = (nowMs: number) => {
    const all = [...silences()]
    active = all.filter((silence) => silenceState(silence, nowMs) === 'active')
    known = new WeakMap()
    const turnsMs = all.flatMap(({ startsAtMs, endsAtMs }) => [startsAtMs, endsAtMs])
    ;[fromMs, untilMs] = [nowMs, Math.min(...turnsMs.filter((ms) => ms > nowMs))]
  }

  return {
    covering: (labels, nowMs) => {
      // A clock that was set back has what is known undone, too.
      if (nowMs < fromMs || nowMs >= untilMs) lookAgain(nowMs)
      const found = known.get(labels) ?? active.filter((silence) => silence.covers(labels)).map(({ id }) => id)
      known.set(labels, found)
      return found
    },
    changed: () => {
      untilMs = -Infinity
    },
  }
}
