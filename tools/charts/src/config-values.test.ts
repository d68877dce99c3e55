import { host, port, text } from '@armature/config/settings'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { appSettings } from './app-settings.ts'
import { chartFacts } from './chart-facts.ts'
import { configDefaults, isCalled, settingsFile } from './config-values.ts'

const factsWith = (config: Record<string, unknown>) =>
  chartFacts('billing', {
    description: 'Sends bills',
    runsOn: 'replicas',
    replicaCount: 1,
    requiredSecrets: [{ what: 'broker', anyOf: ['brokerUrl'] }],
    allowFrom: [],
    config,
    cpuRequest: '50m',
    panels: [],
  })

const settings = appSettings(
  z.object({
    statsdHost: host().default('127.0.0.1').meta({ env: 'STATSD_HOST' }),
    httpHost: host().default('127.0.0.1'),
    httpPort: port().default(0),
    currency: text().default('EUR'),
    brokerUrl: text().meta({ secret: true }),
  }),
)

test('servers listen on all addresses and on known ports; facts add settings of the app', () => {
  expect(configDefaults({ facts: factsWith({ currency: 'SEK' }), settings })).toEqual({
    httpHost: '0.0.0.0',
    httpPort: 8080,
    currency: 'SEK',
  })
})

test.each(['curency', 'brokerUrl'])('a fact about %s, which is no setting or a secret one, is refused', (key) => {
  expect(() => configDefaults({ facts: factsWith({ [key]: 'x' }), settings })).toThrow(
    `helm/billing/chart.json: config.${key} is no setting of the app, or a secret one`,
  )
})

test('templates know the secrets, and which variables backends set', () => {
  expect(settingsFile({ facts: factsWith({}), settings })).toEqual({
    hot: [],
    secretFiles: { brokerUrl: 'BROKER_URL_FILE' },
    backendVariables: { statsdHost: 'STATSD_HOST' },
    requiredSecrets: [{ what: 'broker', anyOf: ['brokerUrl'] }],
  })
})

test('an app without a port for clients is not called', () => {
  expect(isCalled(settings)).toBe(false)
  expect(isCalled(appSettings(z.object({ grpcPort: port().default(0) })))).toBe(true)
})
