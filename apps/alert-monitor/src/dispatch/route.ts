import type { Labels } from '../alerts/alert.ts'
import { matchesAll, matcherText, type Matcher } from '../alerts/matcher.ts'

/** A branch of the routing tree. What its file leaves out it has from the branch above. */
export interface Route {
  /** Names the branch among all: the matchers and places on the way to it. Groups and the notification log are kept by it. */
  readonly id: string
  readonly receiver: string
  readonly matchers: readonly Matcher[]
  /** The labels by which alerts are grouped; `all` = each alert is a group. */
  readonly groupBy: readonly string[] | 'all'
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  readonly muteTimeIntervals: readonly string[]
  readonly activeTimeIntervals: readonly string[]
  /** An alert that fits goes on to the next branch, too. */
  readonly continues: boolean
  readonly routes: readonly Route[]
}

/** The branches that take an alert: the deepest that fit, the first of its siblings, and those after one that continues. */
export const routesOf = (route: Route, labels: Labels): readonly Route[] => {
  if (!matchesAll(route.matchers, labels)) return []
  const found: Route[] = []
  for (const child of route.routes) {
    const below = routesOf(child, labels)
    found.push(...below)
    if (below.length > 0 && !child.continues) break
  }
  return found.length === 0 ? [route] : found
}

/** The id of a branch: that of the branch above, its matchers, and its place, for siblings may have the same matchers. */
export const routeId = (above: string, matchers: readonly Matcher[], place: number): string =>
  `${above}/{${matchers.map(matcherText).join(',')}}/${place}`

/** The labels that all alerts of a group share. */
export const groupLabelsOf = ({ groupBy }: Route, labels: Labels): Labels =>
  groupBy === 'all'
    ? labels
    : Object.fromEntries(
        groupBy.filter((name) => Object.hasOwn(labels, name)).map((name) => [name, labels[name] ?? '']),
      )

/** Names a group among all: its branch, receiver and labels, as the log keeps it and a webhook is told. */
export const groupKeyOf = (route: Route, groupLabels: Labels): string => {
  const pairs = Object.entries(groupLabels).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${route.id}:{${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}
