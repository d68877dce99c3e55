import type { Safeguard } from './safeguard.ts'

const app = 'apps/alert-monitor/src'
const scripted = ['alerting', 'alerting-quiet', 'alerting-store'].map(
  (name) => `apps/alert-monitor/test/${name}.test.ts`,
)
const faults = ['apps/alert-monitor/test/alerting-faults.test.ts']
const api = ['apps/alert-monitor/test/api.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'An alert is kept before its topic is told, so that the next process tells what a killed one did not',
    file: `${app}/alerts/alert-intake.ts`,
    find: 'await pending.track(stored.update(fingerprint, (held) => withAlert(held, alert)))',
    replace: 'void pending.track(stored.update(fingerprint, (held) => withAlert(held, alert)))',
    tests: faults,
  },
  {
    promise: 'An alert that is in memory only is not accepted: who posts it is told to post it again',
    file: `${app}/alerts/alert-intake.ts`,
    find: 'if (!taken.every(({ fingerprint }) => stored.isSaved(fingerprint))) throw new NotKeptError()',
    replace: '',
    tests: faults,
  },
  {
    promise: 'What a killed monitor kept and did not tell another one tells',
    file: `${app}/alerts/alert-records.ts`,
    find: 'takeOvers.delete(fingerprint)\n      return false',
    replace: 'return true',
    tests: [...faults, 'apps/alert-monitor/test/alerting-store.test.ts'],
  },
  {
    promise: 'Alerts that the store knows inhibit right after a restart, before they are raised anew',
    file: `${app}/alerts/alert-manager.ts`,
    find: 'onUpdate: (alert) => inhibition.update(alert),',
    replace: 'onUpdate: (alert) => void (isStarted && inhibition.update(alert)),',
    tests: scripted,
  },
  {
    promise: 'An alert that nobody refreshes is resolved: a restart resolves what ended meanwhile',
    file: `${app}/alerts/alert-manager.ts`,
    find: 'if (isOverdue) void intake.take(',
    replace: 'if (isOverdue) void (',
    tests: scripted,
  },
  {
    promise: 'Of two monitors one tells a receiver: the notification log is a lease',
    file: `${app}/dispatch/group.ts`,
    find: 'isNeeded = !isOther && need(record)',
    replace: 'isNeeded = need(record)',
    tests: scripted,
  },
  {
    promise: 'A monitor that ends while it tells a receiver is replaced by another',
    file: `${app}/dispatch/group.ts`,
    find: 'record.lease.untilMs > clock.now()',
    replace: 'record.lease.untilMs > 0',
    tests: scripted,
  },
  {
    promise: 'A notification that never ends is given up, and told again later',
    file: `${app}/dispatch/group.ts`,
    find: 'await Promise.race([integration.notify(notification, signal), aborted(signal)])',
    replace: 'await integration.notify(notification, signal)',
    tests: scripted,
  },
  {
    promise: 'A receiver hears of no end of which it did not hear the beginning',
    file: `${app}/dispatch/notification-log.ts`,
    find: 'const hasEnded = resolved.some((fingerprint) => known.has(fingerprint))',
    replace: 'const hasEnded = resolved.length > 0',
    tests: scripted,
  },
  {
    promise: 'While the store of alerts is away nothing waits for it, and it gets all of it later',
    file: `${app}/store/kept-collection.ts`,
    find: 'if (!(error instanceof KeyValueConflict)) return keep(id, value, from.revision)',
    replace: 'if (!(error instanceof KeyValueConflict)) throw error',
    tests: scripted,
  },
  {
    promise: 'An alert that was evicted is told when it fires again: the log forgets alerts that are gone',
    file: `${app}/dispatch/notification-log.ts`,
    find: 'const firing = record.firing.filter(isKept)',
    replace: 'const firing = record.firing',
    tests: scripted,
  },
  {
    promise: 'Of two branches with the same matchers both are told',
    file: `${app}/dispatch/route.ts`,
    find: "`${above}/{${matchers.map(matcherText).join(',')}}/${place}`",
    replace: "`${above}/{${matchers.map(matcherText).join(',')}}/${place * 0}`",
    tests: scripted,
  },
  {
    promise: 'There are so many alerts at most: one that is over makes room for one other',
    file: `${app}/alerts/retention.ts`,
    find: 'isDone(held) && !leaving.has(held.alert.fingerprint)',
    replace: 'isDone(held)',
    tests: scripted,
  },
  {
    promise: 'What is removed while the store is away takes nothing that another monitor wrote meanwhile',
    file: `${app}/store/kept-collection.ts`,
    find: 'if (value === undefined && stored.revision !== revision) return hold(id, stored, false)',
    replace: '',
    tests: [`${app}/store/kept-collection.test.ts`],
  },
  {
    promise: 'A silence that would cover every alert is refused',
    file: `${app}/alerts/silence.ts`,
    find: 'if (matchers.every((matcher) => matcher.matches({})))',
    replace: 'if (matchers.length === 0)',
    tests: [...scripted, ...api],
  },
  {
    promise:
      'Many silences do not hold the monitor up: labels are matched once, until a silence changes, begins or ends',
    file: `${app}/alerts/silence-cover.ts`,
    find: 'known.get(labels) ?? active',
    replace: 'active',
    tests: [`${app}/alerts/silence-cover.test.ts`],
  },
  {
    promise: 'A body of a request to the API is bounded, however it is sent',
    file: 'libs/service/src/http-request.ts',
    find: 'if (length > maxBytes) throw tooLarge(maxBytes)',
    replace: '',
    tests: api,
  },
  {
    promise: 'No web page can post to the API',
    file: `${app}/api/request-body.ts`,
    find: "throw new RequestError(415, 'the body must be JSON: send the header content-type: application/json')",
    replace: 'void type',
    tests: api,
  },
  {
    promise: 'An expression of a matcher is bounded in length',
    file: `${app}/alerts/matcher.ts`,
    find: 'if (pattern.length > maxPatternChars)',
    replace: 'if (pattern.length > 1e9)',
    tests: ['apps/alert-monitor/src/alerts/matcher.test.ts', ...api],
  },
  {
    promise: 'A state file of alerts that cannot be understood is set aside',
    file: `${app}/store/file-key-value.ts`,
    find: 'await rename(path, aside)',
    replace: '',
    tests: ['apps/alert-monitor/src/store/file-key-value.test.ts'],
  },
  {
    promise: 'A monitor does not write over the state file of another',
    file: `${app}/store/file-key-value.ts`,
    find: 'if ((await markOf(path)) !== mark)',
    replace: 'if (mark === path)',
    tests: [`${app}/store/file-key-value.test.ts`],
  },
  {
    promise: 'Of two who write one key of a bucket at once one is refused',
    file: 'libs/messaging-nats/src/key-value.ts',
    find: 'bucket.update(key, value, revision)',
    replace: 'bucket.put(key, value)',
    tests: ['libs/messaging-nats/test/key-value.test.ts'],
  },
]
