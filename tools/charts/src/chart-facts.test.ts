import { expect, test } from 'vitest'
import { chartFacts } from './chart-facts.ts'

const facts = {
  description: 'Sends bills',
  runsOn: 'replicas',
  replicaCount: 1,
  requiredSecrets: [],
  allowFrom: [],
  config: {},
  cpuRequest: '50m',
  panels: [],
}

test('facts have the name of their folder', () => {
  expect(chartFacts('billing', facts)).toEqual({ name: 'billing', ...facts })
})

test.each([
  ['a fact that is none', { ...facts, replicas: 2 }, /^helm\/billing\/chart\.json: [^]*"replicas"/],
  ['a fact that is missing', { ...facts, cpuRequest: undefined }, /^helm\/billing\/chart\.json: [^]*cpuRequest/],
  ['a place where no pod runs', { ...facts, runsOn: 'moon' }, /^helm\/billing\/chart\.json: [^]*runsOn/],
])('%s is refused by name', (_, wrong, message) => {
  expect(() => chartFacts('billing', wrong)).toThrow(message)
})
