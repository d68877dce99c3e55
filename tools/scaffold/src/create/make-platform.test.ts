import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { packFiles } from './archive.ts'
import { makePlatform } from './make-platform.ts'

// The template is one file, and npm and nx do nothing: this is about git.
const limitMs = 60_000
const identity = '[user]\nname = a\nemail = a@b.c\n'
let folder: string
let platform: string
let said: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'make-platform-test-'))
  platform = join(folder, 'platforms/shop')
  said = []
  for (const each of ['bin', 'template', 'platforms']) mkdirSync(join(folder, each))
  for (const program of ['npm', 'nx']) putProgram(`bin/${program}`, '')
  writeFileSync(join(folder, 'template/a.txt'), 'a\n')
  vi.stubEnv('PATH', [join(folder, 'bin'), process.env['PATH']].join(delimiter))
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(folder, 'gitconfig'))
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const putProgram = (path: string, lines: string) =>
  writeFileSync(join(folder, path), `#!/bin/sh\n${lines}\n`, { mode: 0o755 })

const make = (gitConfig: string, signal = new AbortController().signal) => {
  writeFileSync(join(folder, 'gitconfig'), gitConfig)
  return makePlatform({
    folder: platform,
    choices: { name: 'shop', scope: '@shop', services: ['reactor'], brokers: ['nats'] },
    archive: packFiles(join(folder, 'template'), ['a.txt']),
    say: (step) => said.push(step),
    signal,
  })
}
const inPlatform = (...args: string[]) => execFileSync('git', args, { cwd: platform, encoding: 'utf8' })

test('a platform begins with a commit', { timeout: limitMs }, async () => {
  await make(identity)
  expect(inPlatform('log', '--format=%s')).toBe('chore: begin\n')
  expect(said.join('\n')).not.toContain('left to you')
})

test('without an identity of git the commit is left to the user', { timeout: limitMs }, async () => {
  await make('')
  expect(said.at(-1)).toContain('The first commit is left to you, since git made none: git config ended with 1')
})

test.each([
  ['has half an identity', '[user]\nemail = a@b.c\nuseConfigOnly = true\n'],
  ['cannot sign', `${identity}[commit]\ngpgSign = true\n[gpg]\nprogram = false\n`],
])('bug: git that %s cost the user the platform', { timeout: limitMs }, async (_, gitConfig) => {
  await make(gitConfig)
  expect(inPlatform('status', '--porcelain')).toBe('A  a.txt\n')
  expect(said.at(-1)).toContain('The first commit is left to you, since git made none')
  expect(readdirSync(join(folder, 'platforms'))).toEqual(['shop'])
})

test('what is interrupted while git commits leaves nothing behind', { timeout: limitMs }, async () => {
  mkdirSync(join(folder, 'hooks'))
  putProgram('hooks/pre-commit', `touch '${folder}/begun'; exec sleep 600`)
  const stop = new AbortController()
  const making = make(`${identity}[core]\nhooksPath = ${folder}/hooks\n`, stop.signal)
  const ended = expect(making).rejects.toThrow()
  await vi.waitFor(() => expect(readdirSync(folder)).toContain('begun'), limitMs / 2)
  stop.abort()
  await ended
  expect(readdirSync(join(folder, 'platforms'))).toEqual([])
})
