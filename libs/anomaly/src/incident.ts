/** An incident is remembered for a tenth of the values so far, and for this many at least. */
const historyShare = 0.1
const leastValues = 200
/** How much of what was told is taken off. */
const toldShare = 0.7

/** What is going on, as far as it was told. */
export interface Incident {
  /** The part of the evidence that tells something new. */
  beyond(evidence: number): number
}

/**
 * An incident begins once, however many of its values are strange: the strongest evidence lately is taken off, and fades exponentially. This is the
 * habituation of a sense. It keeps one incident from being many alerts, and lets one that grows speak again.
 */
export const createIncident = (): Incident => {
  const state = { count: 0, told: 0 }
  return {
    beyond: (evidence) => {
      state.told *= 1 - 1 / Math.max(leastValues, historyShare * state.count)
      state.count += 1
      const beyond = Math.max(0, evidence - toldShare * state.told)
      if (evidence > state.told) state.told = evidence
      return beyond
    },
  }
}
