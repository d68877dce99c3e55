import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openApiWorld } from './api-world.ts'

const config = `
route: { receiver: ops, group_by: [alertname], routes: [{ matchers: [team="db"], receiver: db }] }
receivers: [{ name: ops }, { name: db }]
inhibit_rules: [{ source_matchers: [alertname="down"], target_matchers: ['alertname!="down"'], equal: [host] }]
`
const matcher = (name: string, value: string) => ({ name, value, isRegex: false, isEqual: true })

describe('alerts', () => {
  test('what is posted is listed, told to its topic, and resolved by a later post', async () => {
    const { ask, topics, clock, iso } = await openApiWorld({ config })
    const labels = { alertname: 'Disk full!', host: 'a', severity: 'critical' }
    const alert = { labels, annotations: { summary: '95 % used' }, generatorURL: 'http://prometheus/graph' }
    expect((await ask('POST', '/api/v2/alerts', [alert])).status).toBe(200)
    const { body } = await ask('GET', '/api/v2/alerts')
    expect(body).toMatchObject([
      {
        labels,
        annotations: alert.annotations,
        receivers: [{ name: 'ops' }],
        status: { state: 'active' },
        startsAt: iso(0),
      },
    ])
    await ask('POST', '/api/v2/alerts', [{ labels, endsAt: iso(0) }])
    expect(topics()).toEqual(['Disk_full_ firing', 'Disk_full_ resolved'])
    await clock.advance(1)
    expect((await ask('GET', '/api/v2/alerts')).body).toEqual([])
  })

  test('bug: one odd alert of a post kept the others from being taken', async () => {
    const { ask, iso } = await openApiWorld({ config })
    const odd = [{ labels: {} }, 'x', { labels: { alertname: 'late' }, endsAt: 'soon' }]
    const good = {
      ...{ labels: { alertname: 'zero' }, startsAt: '0001-01-01T00:00:00Z' },
      generatorURL: `http://prometheus/${'x'.repeat(9_000)}`,
    }
    const answer = await ask('POST', '/api/v2/alerts', [...odd, good, { labels: { alertname: 'cpu' } }])
    expect(answer.status).toBe(400)
    expect(answer.body).toMatch(/3 of 5 .*0\.labels: has no label; 1: .*; 2\.endsAt: /)
    expect((await ask('GET', '/api/v2/alerts')).body).toMatchObject([
      { labels: good.labels, startsAt: iso(0), generatorURL: good.generatorURL.slice(0, 2_048) },
      { labels: { alertname: 'cpu' } },
    ])
  })

  test('filters: matchers, receivers, and what keeps them quiet', async () => {
    const { ask, raise } = await openApiWorld({ config })
    await raise('down', { host: 'a' })
    await raise('cpu', { host: 'a' })
    await raise('cpu', { host: 'b', team: 'db' })
    const names = async (query: string) =>
      ((await ask('GET', `/api/v2/alerts?${query}`)).body as { labels: Record<string, string> }[]).map(
        ({ labels }) => `${labels['alertname']} ${labels['host']}`,
      )
    expect(await names('filter=host%3D%22b%22')).toEqual(['cpu b'])
    expect(await names('filter=host%3D~%22a%7Cz%22&filter=alertname!%3Ddown')).toEqual(['cpu a'])
    expect(await names('receiver=db')).toEqual(['cpu b'])
    expect(await names('inhibited=false')).toEqual(['down a', 'cpu b'])
    expect(await names('active=false')).toEqual(['cpu a'])
  })

  test('groups, receivers and status', async () => {
    const { ask, raise } = await openApiWorld({ config })
    await raise('cpu', { host: 'a' })
    await raise('cpu', { host: 'b' })
    expect((await ask('GET', '/api/v2/alerts/groups')).body).toMatchObject([
      { labels: { alertname: 'cpu' }, receiver: { name: 'ops' }, alerts: [{}, {}] },
    ])
    expect((await ask('GET', '/api/v2/receivers')).body).toEqual([{ name: 'ops' }, { name: 'db' }])
    expect((await ask('GET', '/api/v2/status')).body).toMatchObject({
      cluster: { status: 'disabled', peers: [] },
      config: { original: config },
    })
    expect((await fetch(new URL('/-/ready', (await openApiWorld()).url))).status).toBe(200)
  })
})

describe('silences and claims', () => {
  test('a silence is added, shown, changed and expired', async () => {
    const { ask, iso, raise } = await openApiWorld({ config })
    const silence = {
      matchers: [matcher('host', 'a')],
      startsAt: iso(0),
      endsAt: iso(60_000),
      createdBy: 'ann',
      comment: 'disk swap',
    }
    const { silenceID: id } = (await ask('POST', '/api/v2/silences', silence)).body as { silenceID: string }
    await raise('cpu', { host: 'a' })
    expect((await ask('GET', '/api/v2/alerts')).body).toMatchObject([
      { status: { state: 'suppressed', silencedBy: [id] } },
    ])
    expect((await ask('GET', `/api/v2/silence/${id}`)).body).toMatchObject({
      id,
      ...silence,
      status: { state: 'active' },
    })
    expect((await ask('POST', '/api/v2/silences', { ...silence, id, endsAt: iso(90_000) })).body).toEqual({
      silenceID: id,
    })
    expect((await ask('GET', '/api/v2/silences?filter=host%3Da')).body).toMatchObject([{ endsAt: iso(90_000) }])
    expect((await ask('GET', '/api/v2/silences?filter=host%3Db')).body).toEqual([])
    expect((await ask('DELETE', `/api/v2/silence/${id}`)).status).toBe(200)
    expect((await ask('GET', `/api/v2/silence/${id}`)).body).toMatchObject({ status: { state: 'expired' } })
    expect((await ask('GET', '/api/v2/alerts')).body).toMatchObject([{ status: { state: 'active' } }])
  })

  test('a claim is set, shown at its alert and released', async () => {
    const { ask, iso, raise } = await openApiWorld()
    const { fingerprint } = await raise('cpu', { host: 'a' })
    const claim = { fingerprint, owner: 'ann', note: 'looking', expiresAt: iso(60_000) }
    expect((await ask('POST', '/api/v2/claims', claim)).body).toMatchObject(claim)
    expect((await ask('GET', '/api/v2/alerts')).body).toMatchObject([{ claim: { owner: 'ann', note: 'looking' } }])
    expect((await ask('GET', '/api/v2/claims')).body).toHaveLength(1)
    expect((await ask('DELETE', `/api/v2/claim/${fingerprint}`)).status).toBe(200)
    expect((await ask('DELETE', `/api/v2/claim/${fingerprint}`)).status).toBe(404)
  })
})

describe('bad requests', () => {
  const silence = {
    matchers: [matcher('a', 'b')],
    startsAt: '2026-01-05T12:00:00Z',
    endsAt: '2026-01-05T13:00:00Z',
    createdBy: '',
    comment: '',
  }

  test.each<[string, string, string, unknown, number, RegExp]>([
    ['no JSON', 'POST', 'alerts', '[{', 400, /no JSON/],
    ['not a list', 'POST', 'alerts', {}, 400, /array/],
    ['no label', 'POST', 'alerts', [{ labels: {} }], 400, /has no label/],
    ['a label name that is none', 'POST', 'alerts', [{ labels: { 'a b': 'c' } }], 400, /name of a label/],
    [
      'many labels',
      'POST',
      'alerts',
      [{ labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, 'x'])) }],
      400,
      /64/,
    ],
    ['many alerts', 'POST', 'alerts', Array.from({ length: 1_001 }, () => ({ labels: { a: 'b' } })), 400, /1000/],
    ['a huge body', 'POST', 'alerts', `[${' '.repeat(1024 * 1024)}]`, 413, /1048576 bytes/],
    ['deep JSON', 'POST', 'alerts', '['.repeat(500_000), 400, /no JSON|array/],
    ['deep JSON that is whole', 'POST', 'alerts', '['.repeat(400_000) + ']'.repeat(400_000), 400, /object|JSON/],
    ['a filter that is none', 'GET', 'alerts?filter=%7B%7B', undefined, 400, /no matcher/],
    ['a huge expression', 'GET', `alerts?filter=a%3D~%22${'x'.repeat(600)}%22`, undefined, 400, /512/],
    [
      'an expression that multiplies',
      'GET',
      'alerts?filter=a%3D~%22((a%7B100%7D)%7B100%7D)%7B100%7D%22',
      undefined,
      400,
      /RE2/,
    ],
    ['a receiver that is none', 'GET', 'alerts?receiver=(', undefined, 400, /RE2/],
    ['a flag that is none', 'GET', 'alerts?active=maybe', undefined, 400, /active/],
    [
      'a silence of everything',
      'POST',
      'silences',
      { ...silence, matchers: [{ ...matcher('a', '.*'), isRegex: true }] },
      400,
      /every alert/,
    ],
    ['a silence without matchers', 'POST', 'silences', { ...silence, matchers: [] }, 400, /matchers/],
    ['a silence of another life', 'POST', 'silences', { ...silence, id: 'gone' }, 404, /no silence/],
    ['a long comment', 'POST', 'silences', { ...silence, comment: 'x'.repeat(5_000) }, 400, /comment/],
    ['an unknown silence', 'GET', 'silence/none', undefined, 404, /none/],
    ['a path trick', 'GET', 'silence/..%2f..%2fetc', undefined, 404, /no such path/],
    ['a key of the prototype', 'GET', 'constructor', undefined, 404, /no such path/],
    ['a method that there is not', 'DELETE', 'alerts', undefined, 405, /GET and POST/],
    [
      'a claim of no alert',
      'POST',
      'claims',
      { fingerprint: 'x', owner: 'y', expiresAt: '2030-01-01T00:00:00Z' },
      404,
      /no alert/,
    ],
    [
      'a long note',
      'POST',
      'claims',
      { fingerprint: 'x', owner: 'y', note: 'x'.repeat(2_000), expiresAt: '2030-01-01T00:00:00Z' },
      400,
      /note/,
    ],
  ])('%s', async (_what, method, path, body, status, problem) => {
    const { ask, faults } = await openApiWorld()
    const answer = await ask(method, `/api/v2/${path}`, body)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatch(problem)
    expect((await ask('GET', '/api/v2/alerts')).body).toEqual([])
    expect(faults).toEqual([])
  })

  test('a web page cannot post: its content types are refused', async () => {
    const { ask } = await openApiWorld()
    expect((await ask('POST', '/api/v2/silences', JSON.stringify({}), { 'content-type': 'text/plain' })).status).toBe(
      415,
    )
  })

  test('a body that never ends is cut at the bound, and the server answers on', async () => {
    const { url, ask } = await openApiWorld()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const closed = new Promise<string>((resolve) => {
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk.toString()))
      socket.on('close', () => resolve(answer))
      socket.on('error', () => undefined)
    })
    socket.write(
      'POST /api/v2/alerts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    for (let count = 0; count < 20; count += 1) socket.write(chunk)
    expect(await closed).toMatch(/^HTTP\/1.1 413/)
    expect((await ask('GET', '/api/v2/status')).status).toBe(200)
  })
})
