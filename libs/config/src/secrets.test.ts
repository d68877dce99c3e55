import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as z from 'zod'
import { databaseSettings } from './common.ts'
import { ConfigError } from './faults.ts'
import { loadConfig } from './load.ts'
import { integer, text } from './settings.ts'

const canary = 'canary-7f3a'
const settings = z.object({
  ...databaseSettings,
  token: text()
    .regex(/^[a-z0-9-]+$/, { error: (issue) => `the token ${String(issue.input)} is odd` })
    .optional()
    .meta({ secret: true }),
  pin: integer({ max: 9999 }).optional().meta({ secret: true }),
  plain: text().optional(),
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const secretFile = (content: string | Uint8Array): string => {
  const path = join(folder, 'secret')
  writeFileSync(path, content)
  return path
}

const load = (env: Record<string, string>, argv: readonly string[] = []) =>
  loadConfig({ name: 'demo', settings, argv, env })
const refused = (env: Record<string, string>, argv: readonly string[] = []): ConfigError => {
  try {
    load(env, argv)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('was accepted')
}

test.each(['', '\n', '\r\n', '\n\n'])(
  'is read from the file that NAME_FILE names, without the newline %j',
  (newline) => {
    expect(load({ TOKEN_FILE: secretFile(canary + newline) }).config.token).toBe(canary)
  },
)

test('keeps blanks inside and around', () => {
  const path = secretFile(` a b \n`)
  expect(
    loadConfig({
      name: 'x',
      settings: z.object({ key: text().meta({ secret: true }) }),
      argv: [],
      env: { KEY_FILE: path },
    }).config.key,
  ).toBe(' a b ')
})

test('both the variable and its file are a fault', () => {
  const [fault] = refused({ TOKEN: canary, TOKEN_FILE: secretFile(canary) }).faults
  expect(fault).toMatchObject({ key: 'token', source: 'env TOKEN_FILE', fix: 'set either TOKEN or TOKEN_FILE' })
})

test.each<[string, () => string, string]>([
  ['does not exist', () => join(folder, 'none'), 'does not exist'],
  ['is a folder', () => folder, 'is a folder'],
  ['is too long', () => secretFile('x'.repeat(64 * 1024 + 1)), 'is longer than'],
  ['is not UTF-8', () => secretFile(Uint8Array.of(0xff, 0xfe)), 'is not UTF-8'],
])('a file that %s is a fault', (_name, path, problem) => {
  const error = refused({ TOKEN_FILE: path() })
  expect(error.faults[0]).toMatchObject({ key: 'token', source: 'env TOKEN_FILE' })
  expect(error.message).toContain(problem)
  expect(error.exitCode).toBe(78)
})

test('NAME_FILE means nothing for a setting that is no secret', () => {
  expect(load({ PLAIN_FILE: '/nowhere' }).config.plain).toBeUndefined()
})

const bad = `${canary} with blanks`
test.each<[string, Record<string, string>, string[]]>([
  ['env', { TOKEN: bad, PIN: `${canary}1` }, []],
  ['a flag', {}, ['--token', bad, '--pin', canary]],
  ['an argument that belongs to no flag', {}, [`postgres://u:${canary}@h/d`]],
  ['a misspelt flag', {}, [`--tokn=${canary}`, '--databse-url', canary]],
  ['a URL', { DATABASE_URL: `not a url ${canary}` }, []],
])('a faulty one from %s is in no message', (_name, env, argv) => {
  const error = refused(env, argv)
  const told = [error.message, JSON.stringify(error), error.stack, error.explain()].join('\n')
  expect(told).not.toContain(canary)
})

test('explain shows that it is set and by what, never what it is', () => {
  const { explain } = load({ TOKEN: canary, DATABASE_URL: `postgres://u:${canary}@h/d` }, ['--token', canary])
  expect(explain('token')).toContain('flag --token: ***  <- wins')
  expect(explain('databaseUrl')).toContain('env DATABASE_URL: ***  <- wins')
  expect(explain()).not.toContain(canary)
})

test('the credentials of a URL are hidden also where the setting is no secret', () => {
  const { explain } = load({ PLAIN: `amqp://user:${canary}@host/x` })
  expect(explain('plain')).toContain('"amqp://***@host/x"')
})
