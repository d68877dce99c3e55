import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { secretCommands } from '../src/secret-commands.ts'
import { runCommand } from './command-line.ts'
import { startFakeApiServer, status, type FakeApiServer } from './fake-api-server.ts'

let api: FakeApiServer
beforeAll(async () => {
  api = await startFakeApiServer()
})
afterAll(() => api.close())
beforeEach(() => {
  api.secrets.clear()
  api.requests.length = 0
  api.bodies.length = 0
  api.intercept = () => undefined
})

const url = 'url=kafka://{username}:{password}@a:9093,b:9093?tls=true'
const copy = (...more: readonly string[]) =>
  runCommand(secretCommands['secrets copy'], [
    ...['--kubeconfig', api.kubeconfig, '--namespace', 'shop', '--from', 'login', '--secret', 'p-kafka'],
    ...more,
  ])

test('a Secret is made of the values of another, encoded as a URL needs them', async () => {
  api.secrets.set('shop/login', { username: 'svc', password: 'p@ss/w?rd:#%' })
  const { code, stdout, stderr } = await copy('--set', url, '--label', 'app.kubernetes.io/instance=p')
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: 'made the Secret shop/p-kafka, from login\n',
    stderr: '',
  })
  expect(api.secrets.get('shop/p-kafka')).toEqual({
    url: 'kafka://svc:p%40ss%2Fw%3Frd%3A%23%25@a:9093,b:9093?tls=true',
  })
  expect(api.bodies).toMatchObject([{ metadata: { labels: { 'app.kubernetes.io/instance': 'p' } } }])
})

test('a template that is one key alone is its value as it is', async () => {
  api.secrets.set('shop/login', { url: 'kafka://a:9092?user=x%40y' })
  expect((await copy('--set', 'url={url}')).code).toBe(0)
  expect(api.secrets.get('shop/p-kafka')).toEqual({ url: 'kafka://a:9092?user=x%40y' })
})

test('a Secret whose source has changed is made anew, one that is the same is not written', async () => {
  api.secrets.set('shop/login', { username: 'svc', password: 'old' })
  await copy('--set', url)
  expect((await copy('--set', url)).stdout).toBe('kept the Secret shop/p-kafka, from login\n')
  expect(api.requests.filter((request) => request.startsWith('PUT'))).toEqual([])
  api.secrets.set('shop/login', { username: 'svc', password: 'new' })
  expect((await copy('--set', url)).stdout).toBe('changed the Secret shop/p-kafka, from login\n')
  expect(api.secrets.get('shop/p-kafka')).toEqual({ url: 'kafka://svc:new@a:9093,b:9093?tls=true' })
})

test.each([
  ['is not there', undefined, 'there is no Secret shop/login', 'kubectl -n shop create secret generic login'],
  ['lacks a key', { username: 'x' }, 'the Secret shop/login lacks the key password', 'edit secret login'],
  ['has an empty key', { username: 'x', password: '' }, 'lacks the key password', 'edit secret login'],
  ['lacks two keys', { other: 'x' }, 'lacks the keys username, password', 'edit secret login'],
])('a source that %s is named, and nothing is made', async (_what, there, said, fix) => {
  if (there !== undefined) api.secrets.set('shop/login', there)
  const { code, stderr } = await copy('--set', url)
  expect(code).toBe(78)
  expect(stderr).toContain(said)
  expect(stderr).toContain(fix)
  expect(api.secrets.has('shop/p-kafka')).toBe(false)
})

test('a Secret that another changes meanwhile is read again', async () => {
  api.secrets.set('shop/login', { username: 'svc', password: 'new' })
  api.secrets.set('shop/p-kafka', { url: 'old' })
  let left = 2
  api.intercept = (request) =>
    request.startsWith('PUT') && left-- > 0 ? status(409, 'Conflict', 'the object has been modified') : undefined
  expect((await copy('--set', url)).code).toBe(0)
  expect(api.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(3)
})

test('a Secret that others change all the time ends the command with 75', async () => {
  api.secrets.set('shop/login', { username: 'svc', password: 'new' })
  api.secrets.set('shop/p-kafka', { url: 'old' })
  api.intercept = (request) => (request.startsWith('PUT') ? status(409, 'Conflict', 'modified') : undefined)
  const { code, stderr } = await copy('--set', url)
  expect(code).toBe(75)
  expect(stderr).toContain('the Secret shop/p-kafka is changed by others, 5 times in a row')
})

test('no value is printed, also when an answer repeats it', async () => {
  api.secrets.set('shop/login', { username: 'svc', password: 'secret-value' })
  api.secrets.set('shop/p-kafka', { url: 'old' })
  const made = 'kafka://svc:secret-value@a:9093,b:9093?tls=true'
  api.intercept = (request) => (request.startsWith('PUT') ? status(422, 'Invalid', `url is ${made}`) : undefined)
  const { code, stdout, stderr } = await copy('--set', url)
  expect(code).toBe(78)
  expect(stdout + stderr).not.toContain('secret-value')
})

test.each([
  ['no =', 'url', 'a value is not KEY=TEMPLATE'],
  ['an empty template', 'url=', 'the value is empty'],
  ['a key that is none', 'a b=x', 'is not a key of a Secret'],
])('--set with %s is refused', async (_what, pair, said) => {
  const { code, stderr } = await copy('--set', pair)
  expect(code).toBe(64)
  expect(stderr).toContain(said)
  expect(api.requests).toEqual([])
})
