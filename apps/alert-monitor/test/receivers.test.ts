import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@armature/async/clock'
import { openServer, status } from '@armature/webhook/testing-http-server'
import { expect, onTestFinished, test } from 'vitest'
import { alertOfNotice, resolvedAlert } from '../src/alerts/alert.ts'
import { readAlertsPlan } from '../src/dispatch/alerts-config.ts'
import type { Notification } from '../src/dispatch/notification.ts'
import { openReceivers } from '../src/notify/receivers.ts'
import { noticeOf } from './alerting-world.ts'
import { openSmtpServer } from './smtp-server.ts'

const atMs = Date.UTC(2026, 0, 5, 12)
const firing = alertOfNotice(noticeOf('cpu', { host: 'a' }, atMs), {}, atMs, atMs + 60_000)
const over = resolvedAlert(
  alertOfNotice(noticeOf('cpu', { host: 'b' }, atMs - 5_000), {}, atMs, atMs),
  atMs - 1_000,
  atMs,
)

const notification: Notification = {
  ...{ status: 'firing', receiver: 'ops', groupKey: '{}:{alertname="cpu"}', atMs },
  groupLabels: { alertname: 'cpu' },
  alerts: [firing, over],
}

const secret = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')

const world = async (receiver: string, global = '', name = 'ops') => {
  const outcomes: string[] = []
  const plan = readAlertsPlan(`global: { ${global} }\nreceivers: [{ name: ${name}, ${receiver} }]\n`, 'a.yaml')
  const receivers = await openReceivers({
    plan,
    clock: systemClock(),
    externalUrl: () => 'http://127.0.0.1:9093',
    onRequest: (_integration, outcome) => outcomes.push(outcome),
  })
  const [integration] = receivers.get(name) ?? []
  return {
    outcomes,
    notify: (given = notification, signal = new AbortController().signal) => integration!.notify(given, signal),
  }
}

const file = async (text: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'secret-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'secret'), text)
  return join(folder, 'secret')
}

const local = "allow_networks: ['127.0.0.0/8']"

test('a webhook gets the message of Alertmanager, version 4, with a bearer and a signature', async () => {
  const { url, seen } = await openServer(status(200))
  const { notify } = await world(
    `webhook_configs: [{ url: '${url}', bearer_token_file: '${await file('t0ken\n')}', signing_secret_file: '${await file(secret)}' }]`,
    local,
  )
  await notify()
  const [{ headers, body } = { headers: {} as Record<string, unknown>, body: '' }] = seen
  expect(headers['authorization']).toBe('Bearer t0ken')
  expect(headers['content-type']).toBe('application/json')
  const signed = createHmac('sha256', Buffer.from(secret, 'base64'))
    .update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`)
    .digest('base64')
  expect(headers['webhook-signature']).toBe(`v1,${signed}`)
  expect(JSON.parse(body)).toEqual({
    version: '4',
    groupKey: '{}:{alertname="cpu"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'ops',
    groupLabels: { alertname: 'cpu' },
    commonLabels: { alertname: 'cpu', metric: 'cpu', severity: 'warning' },
    commonAnnotations: { summary: 'cpu is 99' },
    externalURL: 'http://127.0.0.1:9093',
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'cpu', severity: 'warning', metric: 'cpu', host: 'a' },
        annotations: { summary: 'cpu is 99' },
        startsAt: '2026-01-05T12:00:00.000Z',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: '',
        fingerprint: 'cpu-a',
      },
      expect.objectContaining({ status: 'resolved', endsAt: '2026-01-05T11:59:59.000Z', fingerprint: 'cpu-b' }),
    ],
  })
})

test('bug: two groups told in one millisecond had one webhook-id, and that of a receiver in Cyrillic was no header', async () => {
  const { url, seen } = await openServer(status(200))
  const config = `webhook_configs: [{ url: '${url}', signing_secret_file: '${await file(secret)}' }]`
  const { notify } = await world(config, local, 'Дежурный')
  await notify()
  await notify()
  await notify({ ...notification, groupKey: '{}:{alertname="disk"}' })
  const ids = seen.map(({ headers }) => headers['webhook-id'])
  expect(ids[1]).toBe(ids[0])
  expect(new Set(ids).size).toBe(2)
})

test('a webhook with max_alerts says how many it left out', async () => {
  const { url, seen } = await openServer(status(200))
  const { notify } = await world(`webhook_configs: [{ url: '${url}', max_alerts: 1 }]`, local)
  await notify()
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ truncatedAlerts: 1, alerts: [{ fingerprint: 'cpu-a' }] })
})

test('a private address is refused unless its network is allowed, and so is a redirect to one', async () => {
  const { url, seen } = await openServer(status(307, { location: 'http://169.254.169.254/latest/meta-data' }))
  const refused = await world(`webhook_configs: [{ url: '${url}' }]`)
  await expect(refused.notify()).rejects.toThrow(/private address 127\.0\.0\.1/)
  expect(seen).toEqual([])
  const redirected = await world(`webhook_configs: [{ url: '${url}' }]`, local)
  await expect(redirected.notify()).rejects.toThrow(/redirects elsewhere are not followed/)
  expect(seen).toHaveLength(1)
})

test('a webhook that never answers is cut by its timeout, and one that is busy is asked when it says', async () => {
  const silent = await openServer(() => undefined)
  const late = await world(`webhook_configs: [{ url: '${silent.url}', timeout: 100ms }]`, local)
  await expect(late.notify()).rejects.toThrow('did not answer within 100 ms')
  const busy = await openServer(status(429, { 'retry-after': '1' }), status(200))
  const { notify, outcomes } = await world(`webhook_configs: [{ url: '${busy.url}' }]`, local)
  const startedMs = performance.now()
  await notify()
  expect(outcomes).toEqual(['4xx', '2xx'])
  expect(performance.now() - startedMs).toBeGreaterThan(950)
})

test('Slack gets a message in which nothing of an alert is a link or calls a channel', async () => {
  const { url, seen } = await openServer(status(200))
  const { notify } = await world(`slack_configs: [{ api_url: '${url}', channel: '#ops' }]`, local)
  await notify({ ...notification, alerts: [{ ...firing, annotations: { summary: '<!channel> & <http://x|y>' } }] })
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
    channel: '#ops',
    attachments: [
      expect.objectContaining({
        color: 'danger',
        title: '[FIRING:1] cpu (metric=cpu host=a severity=warning)',
        text: 'firing: cpu: &lt;!channel&gt; &amp; &lt;http://x|y&gt;',
      }),
    ],
  })
})

const mail = 'to: ops@example.com, from: monitor@example.com'

test('a mail has a subject of one line and an alert a line', async () => {
  const { address, mails, commands } = await openSmtpServer()
  const { notify } = await world(`email_configs: [{ ${mail}, smarthost: '${address}', require_tls: false }]`)
  await notify({ ...notification, groupLabels: { alertname: 'cpu\r\nBcc: all@example.com' } })
  expect(commands).toEqual(
    expect.arrayContaining(['MAIL FROM:<monitor@example.com>', 'RCPT TO:<ops@example.com>', 'DATA']),
  )
  expect(commands.filter((command) => command.startsWith('RCPT'))).toHaveLength(1)
  const unfolded = (mails[0] ?? '').replaceAll(/\r\n[ \t]+/g, ' ')
  expect(unfolded).toMatch(/^Subject: \[FIRING:1\] cpu Bcc: all@example\.com/m)
  expect(unfolded).not.toMatch(/^Bcc:/m)
  expect(unfolded).toMatch(/^firing: cpu: cpu is 99\r\nresolved: cpu: cpu is 99/m)
})

test('no mail goes to a server without TLS unless the configuration says so', async () => {
  const { address, mails } = await openSmtpServer()
  const { notify } = await world(`email_configs: [{ ${mail}, smarthost: '${address}' }]`)
  await expect(notify()).rejects.toThrow()
  expect(mails).toEqual([])
})

test('a secret that cannot be read and one that is no key are refused with what to do', async () => {
  const url = 'https://example.com/x'
  await expect(world(`webhook_configs: [{ url: '${url}', bearer_token_file: /nowhere/token }]`)).rejects.toMatchObject({
    exitCode: 78,
    message: 'the file /nowhere/token of a receiver cannot be read',
  })
  await expect(
    world(`webhook_configs: [{ url: '${url}', signing_secret_file: '${await file('short')}' }]`),
  ).rejects.toMatchObject({ exitCode: 78, message: 'the receiver ops/webhook/0 cannot be used' })
})
