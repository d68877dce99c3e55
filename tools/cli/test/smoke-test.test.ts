import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSearchServer, type SearchServer } from './search-server.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { smokeTestCommand } from '../src/smoke-test-command.ts'
import { runCommand } from './command-line.ts'

/** What OpenSearch and Graphite answer, by the path of the request. */
let answers: Record<string, (url: URL, request: IncomingMessage) => object | number>
let asked: URL[]
let http: Server
let base: string
let search: SearchServer

beforeAll(async () => {
  http = createServer((request, response) => {
    const url = new URL(request.url ?? '', base)
    asked.push(url)
    const answer = answers[url.pathname]?.(url, request) ?? 404
    if (typeof answer === 'number') response.writeHead(answer).end('no')
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  search = await createSearchServer()
})
afterAll(async () => {
  http.closeAllConnections()
  await new Promise((resolve) => http.close(resolve))
  await search.close()
})
beforeEach(() => {
  answers = {}
  asked = []
})
afterEach(() => search.requestIds.splice(0))

const noLine = { hits: { total: { value: 0 }, hits: [] } }
const oneLine = { hits: { total: { value: 1 }, hits: [{ _index: 'logs-2026.01.02' }] } }
const countedAt = (atMs: number) => [
  {
    target: 'stats.counters.search_count.count',
    datapoints: [
      [null, atMs / 1_000 - 10],
      [3, Math.floor(atMs / 1_000)],
    ],
  },
]

const run = (...flags: readonly string[]) =>
  runCommand(smokeTestCommand, ['--search-address', search.address, '--timeout', '1m', ...flags])

const both = () => ['--opensearch-url', `${base}/logs-%Y.%m.%d`, '--graphite-url', base]

test('a search whose line and count are found passes, with a line for each step', async () => {
  let looks = 0
  answers['/logs-*/_search'] = (url) => {
    expect(url.searchParams.get('q')).toBe(`body.requestId:"${search.requestIds[0]}"`)
    looks += 1
    return looks < 3 ? noLine : oneLine
  }
  answers['/render'] = () => countedAt(Date.now())
  const { code, stdout } = await run(...both())
  expect(stdout).toMatch(/^ok {4}search +\d+\.\d s {2}\S+ answers with 1 results, request id smoke-test-[-0-9a-f]+$/m)
  expect(stdout).toMatch(/\nok {4}log line +\d+\.\d s {2}in the index logs-2026\.01\.02\n/)
  expect(stdout).toMatch(/\nok {4}counter +\d+\.\d s {2}stats\.counters\.search_count\.count counted 3\n/)
  expect(stdout).toMatch(/^skip {2}alert +there is no --messaging-url$/m)
  expect(stdout).toMatch(/\n3 passed, 0 failed\n$/)
  expect(code).toBe(0)
})

test('a line that never comes and a counter that stood still fail, each with its reason', async () => {
  answers['/logs-*/_search'] = () => noLine
  answers['/render'] = () => countedAt(Date.now() - 100_000)
  const { code, stdout } = await run(...both(), '--timeout', '15s')
  expect(stdout).toMatch(/^FAIL {2}log line .* no log line has requestId smoke-test-/m)
  expect(stdout).toMatch(/^FAIL {2}counter .* Graphite has counted no search_count since the search/m)
  expect(stdout).toMatch(/\n1 passed, 2 failed\n$/)
  expect(code).toBe(69)
})

test('servers that refuse at first are asked again; credentials are sent, and not shown', async () => {
  let looks = 0
  answers['/logs-*/_search'] = (_url, request) => {
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('me:geh eim').toString('base64')}`)
    return ++looks < 3 ? 503 : oneLine
  }
  const url = `${base.replace('//', '//me:geh%20eim@')}/logs-%Y.%m.%d`
  const { code, stdout } = await run('--opensearch-url', url)
  expect(code, stdout).toBe(0)
  expect(stdout).not.toContain('eim')
})

test('the reason of the last look is said where a server refuses for good', async () => {
  answers['/logs-*/_search'] = () => 401
  const { code, stdout } = await run('--opensearch-url', `${base}/logs-*`, '--timeout', '15s')
  expect(code).toBe(69)
  expect(stdout).toMatch(/FAIL {2}log line .*127\.0\.0\.1:\d+ answers 401: no/)
})

test('without a search there is no line to look for', async () => {
  const flags = ['--search-address', '127.0.0.1:9', '--timeout', '1s', '--opensearch-url', `${base}/logs-*`]
  const { code, stdout } = await runCommand(smokeTestCommand, flags)
  expect(code).toBe(69)
  expect(stdout).toMatch(/FAIL {2}search/)
  expect(stdout).not.toMatch(/log line/)
  expect(asked).toEqual([])
})

test('a broker that is away and one that nobody knows fail', async () => {
  const away = await runCommand(smokeTestCommand, [
    '--messaging-url',
    'nats://127.0.0.1:9?connectWaitMs=300',
    '--timeout',
    '1s',
  ])
  expect(away.code).toBe(69)
  expect(away.stdout).toMatch(/FAIL {2}alert .*127\.0\.0\.1:9/)
  const unknown = await runCommand(smokeTestCommand, ['--messaging-url', 'nowhere://host', '--timeout', '1m'])
  expect(unknown.code).toBe(69)
  expect(unknown.stdout).toMatch(/FAIL {2}alert .*no messaging driver for nowhere/)
})

test.each([
  [[], /there is nothing to try/],
  [['--messaging-url', 'memory:'], /reaches one process only/],
  [['--search-address', 'a:1', '--opensearch-url', 'ftp://x'], /opensearch-url/],
  [['--search-address', 'a:1', '--counter', 'a b'], /is not the name of a counter/],
])('%j is refused', async (flags, said) => {
  const { code, stderr } = await runCommand(smokeTestCommand, flags)
  expect(code).toBe(64)
  expect(stderr).toMatch(said)
})

test('a stop ends it with 75', async () => {
  const stop = new AbortController()
  answers['/logs-*/_search'] = () => {
    stop.abort()
    return noLine
  }
  const flags = ['--search-address', search.address, '--opensearch-url', `${base}/logs-*`, '--timeout', '1m']
  const { code } = await runCommand(smokeTestCommand, flags, stop.signal)
  expect(code).toBe(75)
})
