import { port, text } from '@armature/config/settings'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { appSettings } from './app-settings.ts'

const settings = appSettings(
  z.object({
    logLevel: text().default('info').meta({ hot: true }),
    httpPort: port().default(0),
    prefix: text().regex(/^\w+$/).optional(),
    brokerUrl: text().meta({ secret: true }),
    token: text().optional().meta({ secret: true, fileVariable: false }),
    tokenFile: text().optional(),
    refused: text().optional().meta({ secret: true, fileVariable: false }),
  }),
)

test('a secret setting is no key of config, and neither is the file of one', () => {
  expect(settings.plain.map(({ key }) => key)).toEqual(['logLevel', 'httpPort', 'prefix'])
  expect(Object.keys(settings.schemas)).toEqual(['logLevel', 'httpPort', 'prefix'])
})

test('a secret comes by the variable that names its file; one that no file can give is left out', () => {
  expect(settings.secrets.map(({ setting, fileVariable }) => [setting.key, fileVariable])).toEqual([
    ['brokerUrl', 'BROKER_URL_FILE'],
    ['token', 'TOKEN_FILE'],
  ])
})

test('hot settings are known', () => {
  expect(settings.hot).toEqual(['logLevel'])
})

test('a port that a Service must know cannot be any free one', () => {
  expect(settings.schemas['httpPort']).toMatchObject({ type: 'integer', minimum: 1, maximum: 65_535 })
})

test('a text with a pattern may be a template instead', () => {
  expect(settings.schemas['prefix']).toMatchObject({ anyOf: [{ pattern: '\\{\\{' }, { pattern: '^\\w+$' }] })
})
