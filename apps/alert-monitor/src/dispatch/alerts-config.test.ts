import { expect, test } from 'vitest'
import { loadAlertsPlan, readAlertsPlan } from './alerts-config.ts'

const good = `route:
  receiver: ops
  group_by: [alertname]
  routes:
    - matchers: ['severity="critical"']
      receiver: pager
      group_wait: 0s
receivers:
  - name: ops
    webhook_configs: [{ url: 'https://example.com/hook' }]
  - name: pager
`
const problemOf = (source: string): string => {
  try {
    readAlertsPlan(source, 'a.yaml')
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

test('a branch has what it leaves out from the branch above', () => {
  const { route } = readAlertsPlan(good, 'a.yaml')
  expect(route).toMatchObject({
    receiver: 'ops',
    groupBy: ['alertname'],
    groupWaitMs: 30_000,
    repeatIntervalMs: 14_400_000,
  })
  expect(route?.routes[0]).toMatchObject({
    receiver: 'pager',
    groupBy: ['alertname'],
    groupWaitMs: 0,
    groupIntervalMs: 300_000,
  })
})

test('an empty file and none have no receivers', async () => {
  expect(readAlertsPlan('# later\n', 'a.yaml').route).toBeUndefined()
  expect((await loadAlertsPlan(undefined)).resolveTimeoutMs).toBe(300_000)
})

test.each<[string, string, string]>([
  [
    'an unknown key',
    good.replace('group_by', 'groupby'),
    'a.yaml:3:3: error: route.groupby is no key here: did you mean group_by?',
  ],
  [
    'an unknown key of a branch',
    good.replace('group_wait: 0s', 'group_wiat: 0s'),
    'a.yaml:7:7: error: route.routes[0].group_wiat is no key here: did you mean group_wait?',
  ],
  [
    'a receiver that is none',
    good.replace('receiver: pager', 'receiver: pagr'),
    'a.yaml:6:17: error: route.routes[0].receiver names no receiver',
  ],
  [
    'a matcher that is none',
    good.replace('severity="critical"', 'severity'),
    'a.yaml:5:18: error: route.routes[0].matchers[0] is no matcher',
  ],
  ['an expression that is none', good.replace('="critical"', '=~"("'), 'has no valid expression of RE2'],
  [
    'a duration that is none',
    good.replace('0s', '10 s'),
    'a.yaml:7:19: error: route.routes[0].group_wait is no duration',
  ],
  ['a receiver twice', good.replace('name: pager', 'name: ops'), 'is the name of an earlier one'],
  [
    'a webhook without a URL',
    good.replace("url: 'https://example.com/hook'", 'max_alerts: 1'),
    'needs one of url and url_file',
  ],
  [
    'a mail without a server',
    `${good}    email_configs: [{ to: a@example.com, from: b@example.com }]\n`,
    'needs a smarthost',
  ],
  ['a smarthost without a port', `global: { smtp_smarthost: mail }\n${good}`, 'is no HOST:PORT: the port is missing'],
  [
    'a mute time that is none',
    good.replace('group_wait: 0s', 'mute_time_intervals: [night]'),
    'names no entry of time_intervals',
  ],
  [
    'a time that is none',
    `${good}time_intervals: [{ name: n, time_intervals: [{ weekdays: ['friday:monday'] }] }]\n`,
    'is no range of weekdays',
  ],
  ['half a file', 'route: [', 'a.yaml:1:9: error'],
  [
    'a tree that is too deep',
    good.replace('    - matchers', `    - ${'{ routes: ['.repeat(11)}{}${'] }'.repeat(11)}\n    - matchers`),
    'is deeper than 10 branches',
  ],
])('%s is refused with its place', (_what, source, problem) => {
  expect(problemOf(source)).toContain(problem)
})

test('a file that is not there is refused with what to do', async () => {
  await expect(loadAlertsPlan('/nowhere/alerts.yaml')).rejects.toMatchObject({
    exitCode: 78,
    fix: expect.stringContaining('--alerts-config') as string,
  })
})
