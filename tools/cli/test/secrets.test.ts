import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@armature/servers/free-port'
import { startProgram, type Program } from '@armature/servers/program'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { secretCommands } from '../src/secret-commands.ts'
import { runCommand } from './command-line.ts'
import { kubeconfigOf, startFakeApiServer, status, type FakeApiServer } from './fake-api-server.ts'

let api: FakeApiServer
let folder: string
const programs: Program[] = []
afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))
beforeAll(async () => {
  api = await startFakeApiServer()
  folder = mkdtempSync(join(tmpdir(), 'secrets-'))
})
afterAll(async () => {
  await api.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  api.secrets.clear()
  api.requests.length = 0
  api.bodies.length = 0
  api.intercept = () => undefined
})

const keys = ['--generate', 'password=32', '--set', 'url=postgres://armature:{password}@p-postgres:5432/armature']

const flagsOf = (kubeconfig: string, ...more: readonly string[]) => [
  ...['--kubeconfig', kubeconfig, '--namespace', 'shop', '--secret', 'p-postgres'],
  ...more,
]
const ensure = (...more: readonly string[]) =>
  runCommand(secretCommands['secrets ensure'], flagsOf(api.kubeconfig, ...keys, ...more))
const remove = (...more: readonly string[]) =>
  runCommand(secretCommands['secrets remove'], flagsOf(api.kubeconfig, ...more))

test('a Secret is made with new passwords, a template filled in, and labels', async () => {
  const { code, stdout, stderr } = await ensure(
    '--label',
    'app.kubernetes.io/instance=p',
    '--set',
    'json={"a": "{password}"}',
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const made = api.secrets.get('shop/p-postgres') ?? {}
  expect(made['password']).toMatch(/^[A-Za-z0-9]{32}$/)
  expect(made['url']).toBe(`postgres://armature:${made['password']}@p-postgres:5432/armature`)
  expect(made['json']).toBe(`{"a": "${made['password']}"}`)
  expect(api.bodies).toMatchObject([
    { kind: 'Secret', type: 'Opaque', metadata: { labels: { 'app.kubernetes.io/instance': 'p' } } },
  ])
  expect(stdout).toBe('made the Secret shop/p-postgres, keys password, url, json\n')
})

test('a Secret that is there stays as it is', async () => {
  await ensure()
  const before = { ...api.secrets.get('shop/p-postgres') }
  api.requests.length = 0
  const { code, stdout } = await ensure()
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'the Secret shop/p-postgres is there, and has password, url\n' })
  expect(api.secrets.get('shop/p-postgres')).toEqual(before)
  expect(api.requests).toEqual(['GET /api/v1/namespaces/shop/secrets/p-postgres'])
})

test('each Secret has passwords of its own', async () => {
  await ensure()
  await runCommand(secretCommands['secrets ensure'], [...flagsOf(api.kubeconfig, ...keys), '--secret', 'other'])
  const [one, other] = [...api.secrets.values()]
  expect(one?.['password']).not.toBe(other?.['password'])
})

test.each([
  ['no key', {}, 'lacks the keys password, url'],
  ['one of two keys', { password: 'x' }, 'lacks the key url'],
  ['a key without a value', { password: 'x', url: '' }, 'lacks the key url'],
])('a Secret that is there with %s is refused with the fix, and stays', async (_what, there, said) => {
  api.secrets.set('shop/p-postgres', there)
  const { code, stderr } = await ensure()
  expect(code).toBe(78)
  expect(stderr).toContain(`the Secret shop/p-postgres is there and ${said}`)
  expect(stderr).toContain('kubectl -n shop edit secret p-postgres')
  expect(api.secrets.get('shop/p-postgres')).toBe(there)
})

test('of two at once one makes the Secret, and both succeed', async () => {
  const theirs = { password: 'theirs', url: 'theirs' }
  api.intercept = (request) => {
    if (request.startsWith('POST')) api.secrets.set('shop/p-postgres', theirs)
    return undefined
  }
  const { code, stdout } = await ensure()
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'the Secret shop/p-postgres is there, and has password, url\n' })
  expect(api.secrets.get('shop/p-postgres')).toBe(theirs)
})

test('a Secret that others make and remove again and again ends the command', async () => {
  api.intercept = (request) => (request.startsWith('POST') ? status(409, 'AlreadyExists', 'already exists') : undefined)
  const { code, stderr } = await ensure()
  expect(code).toBe(75)
  expect(stderr).toContain('is made and removed by others, 5 times in a row')
})

test('many at once make it once', async () => {
  const runs = await Promise.all(Array.from({ length: 8 }, () => ensure()))
  expect(runs.map(({ code }) => code)).toEqual(Array<number>(8).fill(0))
  expect(runs.filter(({ stdout }) => stdout.startsWith('made'))).toHaveLength(1)
})

test.each([
  ['500', status(500, 'InternalError', 'etcd is away')],
  ['503', status(503, 'ServiceUnavailable', 'starting')],
  ['429', status(429, 'TooManyRequests', 'slow down')],
  ['a connection that breaks off', 'cut' as const],
])('%s is tried again', async (_what, answer) => {
  let left = 2
  api.intercept = () => (left-- > 0 ? answer : undefined)
  const { code, stderr } = await ensure()
  expect(code).toBe(0)
  expect(stderr).toMatch(/^tries again, since the API server https:\S+ fails: /)
  expect(api.secrets.size).toBe(1)
})

test('an answer to create that is lost does not make other passwords', async () => {
  let lost = false
  api.intercept = (request) => {
    if (lost || !request.startsWith('POST')) return undefined
    lost = true
    api.secrets.set('shop/p-postgres', { password: 'first', url: 'first' })
    return 'cut'
  }
  expect((await ensure()).code).toBe(0)
  expect(api.secrets.get('shop/p-postgres')).toEqual({ password: 'first', url: 'first' })
})

test('a server that refuses connections at first is waited for, and one that goes on refusing ends the command with 69', async () => {
  const path = join(folder, 'away')
  writeFileSync(path, JSON.stringify(kubeconfigOf(`https://127.0.0.1:${await freePort()}`)))
  const flags = [...flagsOf(path, ...keys), '--timeout', '1500ms']
  const { code, stderr } = await runCommand(secretCommands['secrets ensure'], flags)
  expect(code).toBe(69)
  expect(stderr).toMatch(/tries again, .*ECONNREFUSED/)
  expect(stderr).toMatch(/cannot make the Secret shop\/p-postgres: the API server \S+: .*ECONNREFUSED.*NetworkPolicy/)
})

test('a server that never answers ends the command at its limit', async () => {
  api.intercept = () => 'hang'
  const { code, stderr } = await ensure('--timeout', '1s')
  expect(code).toBe(69)
  expect(stderr).toContain('it did not answer in time')
})

test('a stop ends the command with 75', async () => {
  const stop = new AbortController()
  api.intercept = () => {
    stop.abort()
    return 'hang'
  }
  const flags = flagsOf(api.kubeconfig, ...keys)
  const { code, stderr } = await runCommand(secretCommands['secrets ensure'], flags, stop.signal)
  expect({ code, stderr }).toEqual({ code: 75, stderr: 'it was stopped' })
})

test.each([
  [
    'GET',
    status(403, 'Forbidden', 'secrets "p" is forbidden'),
    'Allow this user get and create on secrets in the namespace shop',
  ],
  ['POST', status(404, 'NotFound', 'namespaces "shop" not found'), 'kubectl create namespace shop'],
  ['POST', status(403, 'Forbidden', 'exceeded quota: q'), 'Raise the ResourceQuota'],
  ['POST', status(403, 'Forbidden', 'namespace shop is being terminated'), 'Wait until the namespace shop is gone'],
  ['GET', status(401, 'Unauthorized', 'Unauthorized'), 'Log in again'],
])('what the API server refuses for good to %s (%j) is not tried again', async (method, answer, fix) => {
  api.intercept = (request) => (request.startsWith(method) ? answer : undefined)
  const { code, stderr } = await ensure()
  expect(code).toBe(78)
  expect(stderr).toContain(fix)
  expect(api.requests.filter((request) => request.startsWith(method))).toHaveLength(1)
})

test('a certificate of an unknown authority is not tried again', async () => {
  const path = join(folder, 'untrusted')
  writeFileSync(path, JSON.stringify(kubeconfigOf(api.url)))
  const { code, stderr } = await runCommand(secretCommands['secrets ensure'], flagsOf(path, ...keys))
  expect(code).toBe(78)
  expect(stderr).toContain("Give the kubeconfig the certificate of the cluster's authority")
})

test('a server that the client does not speak to is no fault of the program', async () => {
  const path = join(folder, 'blocked')
  writeFileSync(path, JSON.stringify(kubeconfigOf('https://127.0.0.1:1')))
  const { code, stderr } = await runCommand(secretCommands['secrets ensure'], flagsOf(path, ...keys))
  expect(code).toBe(78)
  expect(stderr).toContain('the API server https://127.0.0.1:1: bad port. Check that')
})

test('no value is ever printed, also when the API server repeats it', async () => {
  api.intercept = (request) => {
    if (!request.startsWith('POST')) return undefined
    const sent = api.bodies.at(-1)?.stringData ?? {}
    return status(
      422,
      'Invalid',
      `denied: ${sent['password']} and ${Buffer.from(sent['url'] ?? '').toString('base64')}`,
    )
  }
  const { code, stdout, stderr } = await ensure()
  const sent = api.bodies.at(-1)?.stringData ?? {}
  expect(sent['password']).toMatch(/^\w{32}$/)
  expect(code).toBe(78)
  expect(stdout + stderr).not.toContain(sent['password'])
  expect(stdout + stderr).not.toContain(Buffer.from(sent['url'] ?? '').toString('base64'))
  expect(stderr).toContain('answers 422: Invalid')
})

test.each([
  [['--generate', 'password'], /not KEY=LENGTH/],
  [['--generate', 'password=8'], /--generate password=8: the length is not a whole number from 16 to 256/],
  [['--generate', 'password=3x'], /not a whole number/],
  [['--generate', 'pass word=32'], /"pass word" is not a key of a Secret/],
  [['--generate', 'a=32', '--generate', 'a=32'], /the key a is given twice/],
  [['--generate', 'a=32', '--set', 'a=x'], /the key a is given twice/],
  [
    ['--generate', 'a=32', '--set', 'url=x{b}'],
    /--set url: \{b\} is not a key that --generate makes. Add --generate b=32/,
  ],
  [['--set', 'url='], /--set url: the value is empty/],
  [[], /the Secret would have no keys/],
  [['--generate', 'a=32', '--label', 'x'], /--label: "x" is not NAME=VALUE/],
  [['--generate', 'a=32', '--timeout', '5'], /a duration such as/],
  [['--generate', 'a=32', '--secret', 'Postgres'], /Postgres/],
])('%j is refused before anything is asked for', async (flags, said) => {
  const run = await runCommand(secretCommands['secrets ensure'], flagsOf(api.kubeconfig, ...flags))
  expect(run.code).toBe(64)
  expect(run.stderr).toMatch(said)
  expect(api.requests).toEqual([])
})

test.each([
  ['a file that is not there', () => ['--kubeconfig', join(folder, 'none')], /cannot be read: ENOENT/],
  ['a context that is not there', () => ['--context', 'else'], /no context "else". Name one of fake by --context/],
])('%s is named', async (_what, flags, said) => {
  const run = await ensure(...flags())
  expect(run.code).toBe(78)
  expect(run.stderr).toMatch(said)
})

test('Secrets are removed, where they are there', async () => {
  api.secrets.set('shop/p-postgres', { a: 'b' })
  const { code, stdout } = await remove('--secret', 'other')
  expect(code).toBe(0)
  expect(stdout).toBe('removed the Secret shop/p-postgres\nthere is no Secret shop/other\n')
  expect(api.secrets.size).toBe(0)
})

test('who may not remove a Secret is told which right it lacks', async () => {
  api.intercept = () => status(403, 'Forbidden', 'no')
  const { code, stderr } = await remove()
  expect(code).toBe(78)
  expect(stderr).toContain('Allow this user delete on secrets')
})

const run = (kubeconfig: string, ...more: readonly string[]): Program => {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const { PATH, HOME } = process.env
  const args = ['secrets', 'ensure', '-n', 'shop', '--secret', 'p', ...keys, ...more]
  const program = startProgram(process.execPath, [main, ...args], { env: { PATH, HOME, KUBECONFIG: kubeconfig } })
  programs.push(program)
  return program
}

test('the program makes a Secret, and ends', { timeout: 60_000 }, async () => {
  const program = run(api.kubeconfig)
  expect(await program.ended(), program.output()).toEqual({ code: 0, signal: null })
  expect(program.output()).toBe('made the Secret shop/p, keys password, url\n')
})

test('bug: the program ended with 13 while it waited for a server that refuses', { timeout: 60_000 }, async () => {
  const path = join(folder, 'refusing')
  writeFileSync(path, JSON.stringify(kubeconfigOf(`https://127.0.0.1:${await freePort()}`)))
  const program = run(path, '--timeout', '3s')
  expect(await program.ended(), program.output()).toEqual({ code: 69, signal: null })
  expect(program.output()).toContain('cannot make the Secret shop/p')
})
