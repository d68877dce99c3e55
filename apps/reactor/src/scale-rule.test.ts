import { expect, test } from 'vitest'
import { parseScaleRule } from './scale-rule.ts'

test.each([
  ['deployment/worker:1-10', { target: 'deployment/worker', min: 1, max: 10 }],
  ['statefulset/my.db-0:0-0', { target: 'statefulset/my.db-0', min: 0, max: 0 }],
  ['deployment/a:10000-10000', { target: 'deployment/a', min: 10_000, max: 10_000 }],
])('%s says what may be scaled', (text, rule) => {
  expect(parseScaleRule(text)).toEqual(rule)
})

test.each([
  ['deployment/worker', /is no rule/],
  ['daemonset/worker:1-2', /is no rule/],
  ['worker:1-2', /is no rule/],
  ['deployment/Worker:1-2', /is no rule/],
  ['deployment/../secrets/x:1-2', /is no rule/],
  ['deployment/*:1-2', /is no rule/],
  ['other/deployment/worker:1-2', /is no rule/],
  ['deployment/worker:-1-2', /is no rule/],
  ['deployment/worker:1-1.5', /is no rule/],
  ['deployment/worker:3-2', /bad bounds: write MIN-MAX/],
  ['deployment/worker:1-10001', /MAX <= 10000/],
])('%s is refused', (text, problem) => {
  expect(() => parseScaleRule(text)).toThrow(problem)
})
