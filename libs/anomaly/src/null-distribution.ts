/**
 * Of ordinary values this share has new evidence at all, and what they have is exponential with this rate. Both tables are from a simulation: 10 series of
 * 20,000 values of each of eight kinds of noise (normal, AR(1) 0.6 and 0.9, Laplace, log-normal, uniform, Poisson, daily season).
 * detector.test.ts holds them to seeds of its own.
 */
const newShare = 0.0256
const rate = 0.425

/** The sum of all evidence, and the share of ordinary values with at least that. */
const wholes = [0, 4.7, 5.5, 6.04, 6.83, 7.5, 8.16, 8.84, 9.61, 10.52, 11.73, 13.7, 15.68, 20] as const
const shares = [1, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, newShare] as const

/**
 * The share of ordinary values with as much evidence: a Monte Carlo p-value (Davison and Hinkley: "Bootstrap methods and their application", 1997).
 * Evidence beyond what was told decides; where there is none, the sum of all.
 */
export const probabilityOf = (beyond: number, whole: number): number => {
  if (beyond > 0) return newShare * Math.exp(-rate * beyond)
  let next = 1
  while (next < wholes.length - 1 && whole > (wholes[next] ?? 0)) next += 1
  const from = wholes[next - 1] ?? 0
  const part = Math.min(1, (whole - from) / ((wholes[next] ?? 0) - from))
  const share = shares[next - 1] ?? 1
  return share + part * ((shares[next] ?? 0) - share)
}
