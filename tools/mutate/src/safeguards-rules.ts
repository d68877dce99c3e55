import type { Safeguard } from './safeguard.ts'

/** The safeguards of alert-monitor's rules and of what collects samples for them. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A rules file that is still being written is not taken',
    file: 'apps/alert-monitor/src/rules/rules-source.ts',
    find: 'if (key !== settled && key === seen) take(found)',
    replace: 'if (key !== settled) take(found)',
    tests: ['apps/alert-monitor/src/rules/rules-source.test.ts'],
  },
  {
    promise: 'The alerts of a rule that is gone are resolved',
    file: 'apps/alert-monitor/src/rules/monitor.ts',
    find: 'watches.end(feed.watch.subject)',
    replace: '',
    tests: ['apps/alert-monitor/src/rules/replace-rules.test.ts'],
  },
  {
    promise: 'A rule that did not change keeps its windows and alerts when the file changes',
    file: 'apps/alert-monitor/src/rules/monitor.ts',
    find: 'rules = given.map((rule) => before.get(JSON.stringify(rule)) ?? rule)',
    replace: 'rules = given.map((rule) => (before.size < 0 ? rule : rule))',
    tests: ['apps/alert-monitor/src/rules/replace-rules.test.ts'],
  },
  {
    promise: 'A ratio says nothing while its denominator is below the floor',
    file: 'apps/alert-monitor/src/rules/ratio.ts',
    find: ' && below >= minDenominator',
    replace: '',
    tests: ['apps/alert-monitor/src/rules/kinds.test.ts'],
  },
  {
    promise: 'A prediction needs values that span half of its window',
    file: 'apps/alert-monitor/src/rules/judges.ts',
    find: ' || line.spanMs < windowMs / 2',
    replace: '',
    tests: ['apps/alert-monitor/src/rules/kinds.test.ts'],
  },
  {
    promise: 'An absence from the start and the absence of its series do not undo each other',
    file: 'apps/alert-monitor/src/rules/never-seen.ts',
    find: 'if (!seen) book.judge(subject, judge.verdict(nowMs))',
    replace: 'book.judge(subject, seen ? undefined : judge.verdict(nowMs))',
    tests: ['apps/alert-monitor/src/rules/monitor.test.ts'],
  },
]
