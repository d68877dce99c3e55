import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { authority, certificate } from '@armature/servers/certificates'
import { freePort } from '@armature/servers/free-port'
import { type Program, startProgram } from '@armature/servers/program'
import { systemClock } from '@armature/async/clock'
import { describeError, exitCodeOf } from '@armature/service/faults'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { settings } from '../src/config.ts'
import { openOpensearch } from '../src/open-opensearch.ts'
import { type BulkServer, startBulkServer } from './bulk-server.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const deadlineMs = 60_000

let folder: string
let server: BulkServer
const programs: Program[] = []
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aggregator-start-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  server = await startBulkServer()
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await server.close()
})

const file = (name: string, contents: string): string => {
  const path = join(folder, name)
  writeFileSync(path, contents)
  return path
}
const start = (env: Record<string, string>): Program => {
  const program = startProgram(process.execPath, [main], {
    env: { ...process.env, STATSD_PORT: '0', HTTP_PORT: '0', MESSAGING_URL: 'memory:', ...env },
  })
  programs.push(program)
  return program
}
const started = async (env: Record<string, string>) => start(env).until(/waits for messages/, deadlineMs)
const refused = async (env: Record<string, string>) => {
  const program = start(env)
  const { code } = await program.ended(deadlineMs)
  return { code, output: program.output() }
}
const indexUrl = (user = '', index = 'logs-%Y') => `${server.url.replace('://', `://${user}`)}/${index}`

describe('credentials', () => {
  const basic = `Basic ${Buffer.from('shop:s3cret+ü').toString('base64')}`
  test.each([
    ['none', '', () => ({}), undefined],
    ['basic', 'shop@', () => ({ SINK_PASSWORD: 's3cret+ü' }), basic],
    ['basic, by file', 'shop@', () => ({ SINK_PASSWORD_FILE: file('password', 's3cret+ü\n') }), basic],
    ['basic, in the URL', 'shop:s3cret+%C3%BC@', () => ({}), basic],
    ['an API key', '', () => ({ SINK_API_KEY: 'a2V5OnZhbHVl' }), 'ApiKey a2V5OnZhbHVl'],
    ['an API key, by file', '', () => ({ SINK_API_KEY_FILE: file('key', 'a2V5OnZhbHVl\n') }), 'ApiKey a2V5OnZhbHVl'],
  ])(
    '%s: each request has them, and no output does',
    async (_, user, env, expected) => {
      await started({ SINK_URL: indexUrl(user), ...env() })
      expect(server.bulkHeaders.length).toBeGreaterThan(0)
      expect(server.others.length).toBeGreaterThan(0)
      const given = [...server.bulkHeaders, ...server.others.map(({ headers }) => headers)]
      expect(new Set(given.map(({ authorization }) => authorization))).toEqual(new Set([expected]))
      for (const program of programs) expect(program.output()).not.toMatch(/s3cret|a2V5/)
    },
    deadlineMs,
  )

  test(
    'the whole URL may be in a file',
    async () => {
      await started({ SINK_URL_FILE: file('url', `${indexUrl('shop:s3cret+%C3%BC@')}\n`) })
      expect(server.bulkHeaders[0]?.authorization).toBe(basic)
    },
    deadlineMs,
  )
})

describe('TLS', () => {
  let secure: BulkServer
  let ca: string
  let otherCa: string
  beforeAll(async () => {
    const own = authority(folder, 'own-ca')
    ca = own.cert
    otherCa = authority(folder, 'other-ca').cert
    secure = await startBulkServer({ tls: certificate(folder, 'sink', own, 'IP:127.0.0.1') })
  }, deadlineMs)
  afterAll(() => secure?.close())

  test(
    'the certificate is checked by the authority that SINK_CA names',
    async () => {
      await started({ SINK_URL: `${secure.url}/logs`, SINK_CA: ca })
      expect(secure.bulkHeaders).not.toHaveLength(0)
    },
    deadlineMs,
  )

  test.each([
    ['by another authority', () => ({ SINK_CA: otherCa }), 69],
    ['by those of Node', () => ({}), 69],
    ['by a file that is not there', () => ({ SINK_CA: join(folder, 'none.pem') }), 78],
    ['by a file without certificates', () => ({ SINK_CA: file('empty.pem', 'nothing') }), 78],
  ])(
    'checked %s it is refused, and nothing is sent',
    async (_, env, code) => {
      const seen = secure.bulkHeaders.length + secure.others.length
      const url = secure.url.replace('://', '://shop:s3cret@')
      const end = await refused({ SINK_URL: `${url}/logs`, ...env() })
      expect(end.output).toContain('SINK_CA')
      expect(end).toMatchObject({ code })
      expect(secure.bulkHeaders.length + secure.others.length).toBe(seen)
    },
    deadlineMs,
  )

  test(
    'a name that the certificate does not have is refused',
    async () => {
      const url = secure.url.replace('127.0.0.1', 'localhost')
      expect(await refused({ SINK_URL: `${url}/logs`, SINK_CA: ca })).toMatchObject({ code: 69 })
    },
    deadlineMs,
  )
})

describe('a start that cannot end well is refused', () => {
  test.each([
    ['no such host', 'http://nowhere.invalid:9200/logs', /does not answer.*(?:ENOTFOUND|EAI_AGAIN).*correct SINK_URL/s],
    ['a port where nobody listens', undefined, /does not answer.*ECONNREFUSED.*Start it, or correct SINK_URL/s],
  ])(
    '%s',
    async (_, url, text) => {
      const end = await refused({ SINK_URL: url ?? `http://127.0.0.1:${await freePort()}/logs` })
      expect(end.output).toMatch(text)
      expect(end.code).toBe(69)
    },
    deadlineMs,
  )

  test(
    'a server that refuses the credentials ends the process with 78',
    async () => {
      server.onOther = () => ({ status: 401 })
      const end = await refused({ SINK_URL: indexUrl() })
      expect(end.output).toMatch(/refuses the credentials \(401\).*SINK_PASSWORD, or SINK_API_KEY/s)
      expect(end.code).toBe(78)
    },
    deadlineMs,
  )

  test.each([
    [{ SINK_URL: 'http://h/', TOPIC: 'a' }, /names no index; write it as the path/],
    [
      { SINK_URL: 'http://h/logs-%Q', SINK_OPERATION: 'upsert' },
      /has %Q in its index.*SINK_OPERATION|SINK_OPERATION.*%Q/s,
    ],
    [{ SINK_URL: 'http://h/logs', SINK_API_KEY: 'a b' }, /is no API key in base64/],
    [{ SINK_URL: 'http://h/logs', SINK_PASSWORD_FILE: '/nowhere/password' }, /SINK_PASSWORD_FILE/],
    [
      { SINK_URL: 'http://shop:s3cret@h/logs', SINK_DATA_STREAM: 'true', SINK_OPERATION: 'index' },
      /SINK_OPERATION=create/,
    ],
  ] as [Record<string, string>, RegExp][])(
    '%j',
    async (env, text) => {
      const end = await refused(env)
      expect(end.output).toMatch(text)
      expect(end.output).not.toContain('s3cret')
      expect(end.code).toBe(78)
    },
    deadlineMs,
  )
})

describe('what the start refuses', () => {
  const open = async (changes: Record<string, unknown>) => {
    const given = settings.parse({ sinkUrl: indexUrl(), ...changes })
    const opened = await openOpensearch(
      { ...given, sinkUrl: given.sinkUrl ?? '' },
      { clock: systemClock(), warn: () => undefined },
    )
    await opened.close()
  }
  const fault = (changes: Record<string, unknown> = {}) =>
    open(changes).then(
      () => undefined,
      (error: unknown) => ({ code: exitCodeOf(error), text: describeError(error) }),
    )

  test.each([
    [401, undefined, /refuses the credentials \(401\)/],
    [403, undefined, /refuses the credentials \(403\).*or grant it the index/],
    [404, undefined, /answers 404 to POST \/_bulk, as no OpenSearch.*Correct host, port and path/],
    [301, undefined, /answers 301 to POST \/_bulk/],
    [200, '<html>', /answers 200 to POST \/_bulk, as no OpenSearch/],
    [200, '{"items":', /answers 200 to POST \/_bulk, as no OpenSearch/],
  ])('a server that answers %i %s', async (status, body, text) => {
    server.onOther = () => ({ status, ...(body === undefined ? {} : { body }) })
    server.onRequest = (_, response) => {
      response.writeHead(status).end(body)
      return true
    }
    expect(await fault()).toEqual({ code: 78, text: expect.stringMatching(text) as string })
  })

  test('a server that does not answer at all is waited for no longer than the start may take', async () => {
    server.onRequest = () => true
    const opening = openOpensearch(
      { ...settings.parse({}), sinkUrl: indexUrl() },
      { clock: systemClock(), warn: () => undefined, startDeadlineMs: 50 },
    )
    await expect(opening).rejects.toMatchObject({
      exitCode: 69,
      message: expect.stringContaining('does not answer') as string,
    })
  })

  test.each([
    ['false', '{"index_templates":[]}', 78],
    ['+other-*,-*', '{}', 78],
    ['other', '{}', 78],
    ['-logs-2*,+logs-*', '{}', 78],
    ['+logs-*', '{}', undefined],
    ['-other,*', '{}', undefined],
    ['false', '{"index_templates":[{"index_template":{"allow_auto_create":true}}]}', undefined],
    ['true', '{}', undefined],
  ])(
    'an index that is not there, where the cluster makes those of %s, with templates %s: %s',
    async (setting, templates, code) => {
      server.onItem = () => ({ status: 404, error: { type: 'index_not_found_exception', reason: 'no such index' } })
      server.onOther = (line) => {
        if (line.startsWith('GET /_cluster/settings'))
          return { status: 200, body: JSON.stringify({ persistent: { 'action.auto_create_index': setting } }) }
        return { status: 200, body: line.startsWith('GET /_index_template') ? templates : '' }
      }
      const found = await fault()
      expect(found?.code).toBe(code)
      if (code !== undefined)
        expect(found?.text).toMatch(/the index logs-\d{4} is not there and may not be made.*Allow it/)
      expect(await fault({ sinkUrl: indexUrl('', 'logs-{topic}') })).toBeUndefined()
    },
  )

  test.each([503, 429, 500])('not a server that answers %i for now', async (status) => {
    server.onRequest = (_, response) => {
      response.writeHead(status).end()
      return true
    }
    expect(await fault()).toBeUndefined()
  })

  test.each([
    [{ sinkOperation: 'index', sinkDataStream: true, sinkUrl: 'http://h/logs' }, /Set SINK_OPERATION=create/],
    [{ sinkDataStream: true }, /a data stream has one name/],
    [{ sinkVersionHeader: 'v' }, /Set SINK_OPERATION=index/],
    [{ sinkDocumentId: 'key' }, /Set SINK_VERSION_HEADER/],
    [{ sinkApiKey: 'a', sinkPassword: 's3cret' }, /Leave one of them out/],
    [{ sinkUrl: 'http://shop@h/logs' }, /Set SINK_PASSWORD or SINK_PASSWORD_FILE/],
    [{ sinkPassword: 's3cret' }, /SINK_PASSWORD has no user/],
    [{ sinkCa: fileURLToPath(import.meta.url) }, /Set SINK_CA to a file of certificates/],
    [{ sinkCa: '/nowhere/ca.pem' }, /Set SINK_CA to a file of certificates/],
  ])('%j', async (changes, text) => {
    expect(await fault(changes)).toEqual({ code: 78, text: expect.stringMatching(text) as string })
  })
})
