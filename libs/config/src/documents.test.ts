import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { commonSettings, databaseSettings } from './common.ts'
import { helpText } from './help.ts'
import { settingsJsonSchema } from './json-schema.ts'
import { describeSettings } from './schema.ts'
import { choice, list, port, text, toggle } from './settings.ts'
import { settingsTable } from './table.ts'

const settings = z.object({
  ...commonSettings,
  ...databaseSettings,
  grpcPort: port().default(0).meta({ description: 'gRPC port', short: 'p' }),
  dryRun: toggle().default(false).meta({ description: 'Change nothing' }),
  format: choice(['text', 'json']).default('text'),
  topics: list(text()).meta({ description: 'a|b' }),
})

describe('--help', () => {
  const help = helpText({
    name: 'demo send',
    summary: 'Sends a message.',
    settings,
    positionals: { usage: 'MESSAGE' },
    rest: 'COMMAND...',
    commands: { listen: 'Prints what comes' },
  })

  test.each([
    'Usage: demo send [flags] MESSAGE [-- COMMAND...]',
    'Sends a message.',
    'listen  Prints what comes',
    '-p, --grpc-port NUMBER',
    'gRPC port [env GRPC_PORT; default 0]',
    '--[no-]dry-run',
    '--format text|json',
    '[env TOPICS; required]',
    '[env DATABASE_URL or DATABASE_URL_FILE; default "embedded:"]',
    '--config FILE',
    '-h, --help',
  ])('has %j', (part) => {
    expect(help).toContain(part)
  })
})

describe('the table for a README', () => {
  const table = settingsTable(settings)

  test('has a row a setting', () => {
    expect(table.trim().split('\n')).toHaveLength(Object.keys(settings.shape).length + 2)
  })

  test.each([
    '| `grpcPort` | `-p`, `--grpc-port` | `GRPC_PORT` | `0` | gRPC port |',
    '| `dryRun` | `--[no-]dry-run` | `DRY_RUN` | `false` | Change nothing |',
    '| `topics` | `--topics` | `TOPICS` | required | a\\|b |',
    '`DATABASE_URL`, `DATABASE_URL_FILE`',
    '(takes effect at once)',
  ])('has %j', (part) => {
    expect(table).toContain(part)
  })
})

describe('the JSON schema', () => {
  const schema = settingsJsonSchema(settings)

  test('says types, ranges and defaults, and nothing of flags', () => {
    expect(schema['properties']).toMatchObject({
      grpcPort: { type: 'integer', minimum: 0, maximum: 65_535, default: 0, description: 'gRPC port' },
      format: { enum: ['text', 'json'] },
    })
    expect(JSON.stringify(schema)).not.toMatch(/"(env|short|secret|hot|accepts)":/)
  })

  test('requires what has no default, and allows nothing else', () => {
    expect(schema).toMatchObject({ required: ['topics'], additionalProperties: false })
  })
})

test.each([
  ['flag', { one: text().meta({ flag: 'x' }), two: text().meta({ flag: 'x' }) }],
  ['variable', { one: text().meta({ env: 'X' }), x: text() }],
  ['letter', { one: text().meta({ short: 'x' }), two: text().meta({ short: 'x' }) }],
  ['reserved flag', { help: text() }],
  ['file variable of a secret', { key: text().meta({ secret: true }), keyFile: text() }],
  ['negation', { once: toggle(), noOnce: text() }],
])('two settings with the same %s are a mistake that is told', (_name, shape) => {
  expect(() => describeSettings(z.object(shape))).toThrow('two settings are called')
})

test('the outer description counts, and the helpers keep theirs', () => {
  const [setting] = describeSettings(z.object({ httpHost: commonSettings.httpHost.meta({ description: 'mine' }) }))
  expect(setting).toMatchObject({ description: 'mine', accepts: 'a host name or an IP address' })
})
