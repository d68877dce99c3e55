import type { Clock } from '@armature/async/clock'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { loadRulesFile } from './load-rules-file.ts'
import { ruleMetrics } from '../rule-metrics.ts'
import { defaultRules, type Rule } from './rules.ts'
import { followRules, type RulesSource } from './rules-source.ts'

export interface LiveRulesOptions {
  /** The rules file. Default: the built-in rules, which never change. */
  readonly file: string | undefined
  readonly clock: Pick<Clock, 'after'>
  readonly pollMs: number
  readonly telemetry: Telemetry
}

/** The rules of a service, which follow their file. */
export interface LiveRules {
  /** Those of the start. */
  readonly atStart: readonly Rule[]
  /** Follows the file: `onRules` gets each good set of rules that comes after those of the start. A bad one is logged and counted. */
  follow(onRules: (rules: readonly Rule[]) => void): void
  /** Reads the file now. */
  reload(): void
  close(): void
}

/** Reads the rules. Rejects with ServiceError, which lists all that is wrong with them. */
export const openLiveRules = async ({ file, clock, pollMs, telemetry }: LiveRulesOptions): Promise<LiveRules> => {
  const { log, metrics } = telemetry
  const { text, rules: atStart } = await rulesAtStart(file)
  let source: RulesSource | undefined
  let loaded = atStart.length
  let isGood = true
  metrics.observe(ruleMetrics.rules_loaded, () => loaded)
  metrics.observe(ruleMetrics.rules_last_reload_good, () => Number(isGood))
  return {
    atStart,
    follow: (onRules) => {
      if (file === undefined || text === undefined) return
      source = followRules(text, {
        path: file,
        clock,
        pollMs,
        onRules: (rules) => {
          onRules(rules)
          loaded = rules.length
          isGood = true
          metrics.count(ruleMetrics.rules_reloads_total, 1, { outcome: 'applied' })
          log.info({ file, rules: rules.length }, 'the rules have changed')
        },
        onRefused: (problems) => {
          isGood = false
          metrics.count(ruleMetrics.rules_reloads_total, 1, { outcome: 'refused' })
          log.error({ file, problems }, 'the changed rules cannot be used: those before go on')
        },
      })
    },
    reload: () => void source?.reload(),
    close: () => source?.close(),
  }
}

const rulesAtStart = async (file: string | undefined): Promise<{ text?: string; rules: readonly Rule[] }> =>
  file === undefined ? { rules: defaultRules } : loadRulesFile(file)
