/** What may be scaled: one workload, from `min` to `max` replicas, both ends included. */
export interface ScaleRule {
  /** `deployment/NAME` or `statefulset/NAME`. */
  readonly target: string
  readonly min: number
  readonly max: number
}

const mostReplicas = 10_000
/** The kind, and a name as Kubernetes takes it. */
const rule = /^((?:deployment|statefulset)\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?):(\d+)-(\d+)$/

/** Reads `deployment/worker:1-10`. Throws TypeError for what is no such rule, or allows no number. */
export const parseScaleRule = (text: string): ScaleRule => {
  const [, target, from, to] = rule.exec(text) ?? []
  if (target === undefined) {
    throw new TypeError(
      `${JSON.stringify(text)} is no rule of what may be scaled: write deployment/NAME:MIN-MAX or statefulset/NAME:MIN-MAX, such as deployment/worker:1-10`,
    )
  }
  const [min, max] = [Number(from), Number(to)]
  if (min > max || max > mostReplicas) {
    throw new TypeError(`${JSON.stringify(text)} has bad bounds: write MIN-MAX with MIN <= MAX <= ${mostReplicas}`)
  }
  return { target, min, max }
}
