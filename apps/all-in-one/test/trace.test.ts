import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { settings as monitorSettings } from '@armature/alert-monitor/config'
import { alertMonitor } from '@armature/alert-monitor/service'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { jsonMessage, type Message } from '@armature/messaging/message'
import { settings as reactorSettings } from '@armature/reactor/config'
import { reactor } from '@armature/reactor/service'
import { recordSpans } from '@armature/telemetry/span-recorder'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { openServer, status } from '@armature/webhook/testing-http-server'

const traceId = '0af7651916cd43dd8448eb211c80319c'

test('one trace runs from the sample that broke a rule over the notices of its alert to the action', async () => {
  const recorder = recordSpans()
  onTestFinished(() => recorder.stop())
  const broker = memoryBroker()
  const edges = (name: string) => ({
    telemetry: testTelemetry(name),
    clock: systemClock(),
    openMessaging: () => Promise.resolve(broker.connect()),
  })
  const folder = await mkdtemp(join(tmpdir(), 'armature-trace-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const rulesFile = join(folder, 'rules.json')
  // The alert is raised by a later evaluation, in no span.
  const rule = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90, forMs: 300 }
  await writeFile(rulesFile, JSON.stringify({ rules: [rule] }))
  const { seen, url } = await openServer(status(204))

  const notices: Message[] = []
  const client = broker.connect()
  await client.subscribe('alerts.hot', (notice) => Promise.resolve(void notices.push(notice)))
  const monitor = alertMonitor(
    monitorSettings.parse({ samplesTopic: 'samples', rulesFile, evaluateEveryMs: 100 }),
    edges('alert-monitor'),
  )
  onTestFinished(() => monitor.close())
  const acting = reactor(
    reactorSettings.parse({ webhookUrl: url, webhookAllowNetworks: ['127.0.0.1'] }),
    edges('reactor'),
  )
  onTestFinished(() => acting.close())
  await monitor.start()
  await acting.start()

  const sample = (value: number, headers: Record<string, string>) =>
    client.publish('samples', [jsonMessage('samples', { name: 'cpu', value }, { headers })])
  await sample(99, { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
  await vi.waitFor(() => expect(seen).toHaveLength(1), 30_000)
  // It ends by a sample of another trace; the end belongs to the alert all the same.
  await sample(1, { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` })
  await vi.waitFor(() => expect(seen).toHaveLength(2), 30_000)

  expect(notices.map(({ headers }) => headers['status'])).toEqual(['firing', 'resolved'])
  const traces = [...notices.map(({ headers }) => headers), ...seen.map(({ headers }) => headers)]
  expect(traces.map(({ traceparent }) => String(traceparent).slice(3, 35))).toEqual(Array(4).fill(traceId))
  await vi.waitFor(() => {
    const names = recorder.spans().flatMap((span) => (span.traceId === traceId ? [span.name] : []))
    expect(names).toEqual(expect.arrayContaining(['process samples', 'process alerts.hot']))
  }, 30_000)
})
