import type { Alert, Labels } from './alert.ts'
import { isResolved } from './alert.ts'
import { matchesAll, type Matcher } from './matcher.ts'

/** While an alert that fits the source matchers fires, those that fit the target matchers are not told, where these labels are equal. */
export interface InhibitRule {
  readonly sourceMatchers: readonly Matcher[]
  readonly targetMatchers: readonly Matcher[]
  readonly equal: readonly string[]
}

/** Which alerts keep which others quiet. */
export interface Inhibition {
  /** Takes an alert as it is now. */
  update(alert: Alert): void
  forget(fingerprint: string): void
  /** The fingerprints of the firing alerts that keep this one quiet. */
  inhibitorsOf(alert: Alert, nowMs: number): readonly string[]
}

/** Knows no alert yet. */
export const createInhibition = (rules: readonly InhibitRule[]): Inhibition => {
  /** The sources of each rule by their values of the equal labels. */
  const sources = rules.map(() => new Map<string, Map<string, Alert>>())
  const places = new Map<string, readonly string[]>()

  const forget = (fingerprint: string) => {
    for (const [rule, key] of (places.get(fingerprint) ?? []).entries()) {
      const alike = sources[rule]?.get(key)
      alike?.delete(fingerprint)
      if (alike?.size === 0) sources[rule]?.delete(key)
    }
    places.delete(fingerprint)
  }

  return {
    update: (alert) => {
      forget(alert.fingerprint)
      const keys = rules.map(({ equal }) => keyOf(equal, alert.labels))
      for (const [place, { sourceMatchers }] of rules.entries()) {
        if (!matchesAll(sourceMatchers, alert.labels)) continue
        const byKey = sources[place]
        const alike = byKey?.get(keys[place] ?? '') ?? new Map<string, Alert>()
        byKey?.set(keys[place] ?? '', alike.set(alert.fingerprint, alert))
      }
      places.set(alert.fingerprint, keys)
    },
    forget,
    inhibitorsOf: (alert, nowMs) => {
      const found = new Set<string>()
      for (const [place, { sourceMatchers, targetMatchers, equal }] of rules.entries()) {
        if (!matchesAll(targetMatchers, alert.labels)) continue
        const isSourceToo = matchesAll(sourceMatchers, alert.labels)
        for (const source of sources[place]?.get(keyOf(equal, alert.labels))?.values() ?? []) {
          if (source.fingerprint === alert.fingerprint || isResolved(source, nowMs)) continue
          // Two alerts that are both source and target would keep each other quiet.
          if (isSourceToo && matchesAll(targetMatchers, source.labels)) continue
          found.add(source.fingerprint)
        }
      }
      return [...found]
    },
  }
}

const keyOf = (equal: readonly string[], labels: Labels): string =>
  JSON.stringify(equal.map((name) => (Object.hasOwn(labels, name) ? labels[name] : '')))
