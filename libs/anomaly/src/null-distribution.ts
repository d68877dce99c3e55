/**
 * The evidence beyond what was told, and the share of ordinary values with at least that. Both tables are from a simulation: 10 series of 20,000 values of
 * each of eight kinds of noise (normal, AR(1) of 0.6 and 0.9, Laplace, log-normal, uniform, Poisson, a daily season). detector.test.ts holds
 * them to seeds of its own.
 */
const beyonds = [0, 0.75, 3.29, 5.91, 9.19, 13.89, 20.93]
const beyondShares = [0.0148, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00001]

/** The sum of all evidence, and the share of ordinary values with at least that. */
const wholes = [0, 4.98, 5.95, 6.62, 7.58, 8.4, 9.19, 10.01, 10.92, 12, 13.41, 15.7, 18.03, 20.06, 24]
const wholeShares = [1, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.03, 0.0148]

/**
 * The share of ordinary values with as much evidence: a Monte Carlo p-value (Davison and Hinkley: "Bootstrap methods and their application", 1997).
 * Evidence beyond what was told decides; where there is none, the sum of all.
 */
export const probabilityOf = (beyond: number, whole: number): number =>
  beyond > 0
    ? interpolated(beyond, beyonds, beyondShares)
    : Math.max(interpolated(whole, wholes, wholeShares), beyondShares[0] ?? 0)

/** On straight lines through the logarithms of the shares; the last line goes on. */
const interpolated = (evidence: number, evidences: readonly number[], shares: readonly number[]): number => {
  let next = 1
  while (next < evidences.length - 1 && evidence > (evidences[next] ?? 0)) next += 1
  const from = evidences[next - 1] ?? 0
  const share = shares[next - 1] ?? 1
  return share * ((shares[next] ?? 0) / share) ** ((evidence - from) / ((evidences[next] ?? 0) - from))
}
