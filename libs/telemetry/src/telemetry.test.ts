import { expect, test } from 'vitest'
import { demoMetrics } from '../test/demo-metrics.ts'
import { statsdOf, testTelemetry, type TelemetryConfig } from './telemetry.ts'

const base: TelemetryConfig = { logLevel: 'info', statsdHost: 'statsd', statsdPort: 8125, ddDogstatsdPort: 8126 }

const cases: [string, Partial<TelemetryConfig>, object | undefined][] = [
  ['StatsD by default', {}, { host: 'statsd', port: 8125, dialect: 'graphite' }],
  ['nowhere with port 0', { statsdPort: 0 }, undefined],
  ['the prefix', { statsdPrefix: 'a.b' }, { dialect: 'graphite', prefix: 'a.b' }],
  ['a Datadog agent', { ddAgentHost: 'agent' }, { host: 'agent', port: 8126, dialect: 'dogstatsd' }],
  ['an agent though StatsD is off', { ddAgentHost: 'agent', statsdPort: 0 }, { host: 'agent' }],
  [
    'an agent by URL',
    { ddDogstatsdUrl: 'udp://agent:9', ddAgentHost: 'x' },
    { host: 'agent', port: 9, dialect: 'dogstatsd' },
  ],
  ['an agent by URL without port', { ddDogstatsdUrl: 'udp://agent' }, { host: 'agent', port: 8126 }],
  ['an agent by an IPv6 URL', { ddDogstatsdUrl: 'udp://[::1]:9' }, { host: '::1', port: 9 }],
]
test.each(cases)('sends to %s', (_name, config, expected) => {
  const found = statsdOf({ ...base, ...config })
  if (expected === undefined) expect(found).toBeUndefined()
  else expect(found).toMatchObject(expected)
})

test('telemetry for tests counts, and can be closed twice', async () => {
  const { log, metrics, close } = testTelemetry()
  log.info('x')
  metrics.count(demoMetrics.search_count)
  await close()
  await close()
  expect(metrics.value(demoMetrics.search_count)).toBe(1)
})
