import type { Cluster } from './cluster.ts'
import type { InstallPlan } from './install-plan.ts'

export type Outcome = 'ok' | 'warn' | 'FAIL'

/** What a check says. */
export interface Finding {
  readonly check: string
  readonly outcome: Outcome
  readonly said: string
  /** What to do about it, in one line. */
  readonly fix?: string
}

export interface CheckInput {
  readonly cluster: Cluster
  readonly namespace: string
  /** Undefined where it is not known what would be installed. */
  readonly plan: InstallPlan | undefined
}

/** One question to a cluster. Rejects with what the client throws. */
export type Check = (input: CheckInput) => Promise<Omit<Finding, 'check'>>

/** A check of what an installation needs. */
export type PlanCheck = (input: CheckInput & { readonly plan: InstallPlan }) => Promise<Omit<Finding, 'check'>>

export const ok = (said: string): Omit<Finding, 'check'> => ({ outcome: 'ok', said })
export const warn = (said: string, fix: string): Omit<Finding, 'check'> => ({ outcome: 'warn', said, fix })
export const fail = (said: string, fix: string): Omit<Finding, 'check'> => ({ outcome: 'FAIL', said, fix })
