import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { commonMetrics } from '../src/common-metrics.ts'
import { createLedger } from '../src/ledger.ts'
import { createTelemetry, type Telemetry, type TelemetryConfig } from '../src/telemetry.ts'
import { extract, inject, inSpan } from '../src/tracing.ts'
import { collected } from './collected.ts'
import { demoMetrics } from './demo-metrics.ts'
import { otlpReceiver } from './otlp-receiver.ts'

const opened: Telemetry[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((telemetry) => telemetry.close()))
})

const open = (otlpEndpoint: string | undefined, service = 'demo') => {
  const output = collected()
  const config: TelemetryConfig = {
    logLevel: 'info',
    statsdHost: '127.0.0.1',
    statsdPort: 0,
    ddDogstatsdPort: 8125,
    ...(otlpEndpoint === undefined ? {} : { otlpEndpoint }),
  }
  const telemetry = createTelemetry({ service, config, destination: output.stream })
  opened.push(telemetry)
  return { ...telemetry, ...output }
}

const traces = '/v1/traces'
const metrics = '/v1/metrics'

describe('with an OTLP endpoint', () => {
  test('spans arrive with the service, their kind of parent, and the error of a failed one', async () => {
    await using receiver = await otlpReceiver()
    const { ready, close } = open(receiver.endpoint)
    await ready
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const parent = extract({ traceparent: `00-${traceId}-b7ad6b7169203331-01` })
    await inSpan('outer-span', { kind: 'consumer', attributes: { 'messaging.system': 'memory' }, parent }, async () => {
      await Promise.resolve()
      expect(inject({})['traceparent']).toMatch(new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
      expect(() =>
        inSpan('failed-span', {}, () => {
          throw new Error('what went wrong')
        }),
      ).toThrow()
    })
    await close()
    const body = receiver.bodyOf(traces)
    expect(receiver.requests.find(({ path }) => path === traces)?.type).toBe('application/x-protobuf')
    for (const part of ['demo', 'outer-span', 'messaging.system', 'failed-span', 'what went wrong'])
      expect(body.includes(part)).toBe(true)
    expect(body.includes(Buffer.from(traceId, 'hex'))).toBe(true)
  })

  test('metrics arrive, those recorded before the SDK was loaded too', async () => {
    await using receiver = await otlpReceiver()
    const { metrics: recorded, close } = open(`${receiver.endpoint}/`)
    recorded.time(demoMetrics.search, 12.5)
    recorded.count(demoMetrics.search_count, 3)
    recorded.count(commonMetrics.component_discarded_events_total, 1, { reason: 'too_long' })
    createLedger({ stage: 'sink-stage', inFlight: () => 1, metrics: recorded }).received(2)
    await close()
    const body = receiver.bodyOf(metrics)
    for (const part of ['demo', 'search', 'search_count', 'reason', 'too_long', 'ledger_in_flight', 'sink-stage'])
      expect(body.includes(part), part).toBe(true)
    const seconds = Buffer.alloc(8)
    seconds.writeDoubleLE(0.0125)
    expect(body.includes(seconds)).toBe(true)
  })

  test('counters and gauges that are first recorded after the SDK was loaded arrive', async () => {
    await using receiver = await otlpReceiver()
    const { metrics: recorded, ready, close } = open(receiver.endpoint)
    await ready
    recorded.count(demoMetrics.search_count, 3)
    recorded.gauge(commonMetrics.buffer_size_bytes, 7, { component: 'late-component' })
    await close()
    const body = receiver.bodyOf(metrics)
    for (const part of ['search_count', 'buffer_size_bytes', 'late-component'])
      expect(body.includes(part), part).toBe(true)
  })

  test('several services in one process are told apart', async () => {
    await using receiver = await otlpReceiver()
    const [one, two] = [open(receiver.endpoint, 'service-one'), open(receiver.endpoint, 'service-two')]
    one.metrics.count(demoMetrics.search_count)
    two.metrics.count(demoMetrics.monitor_count)
    await Promise.all([one.close(), two.close()])
    const bodies = receiver.requests.filter(({ path }) => path === metrics).map(({ body }) => body)
    expect(bodies.filter((body) => body.includes('service-one') && body.includes('search_count'))).toHaveLength(1)
    expect(bodies.filter((body) => body.includes('service-two') && body.includes('monitor_count'))).toHaveLength(1)
  })

  test('log lines carry the ids of the active span, and only within it', async () => {
    await using receiver = await otlpReceiver()
    const { log, ready, lines } = open(receiver.endpoint)
    await ready
    log.info('before')
    const context = await inSpan('work', {}, async (span) => {
      await Promise.resolve()
      log.child({ a: 1 }).info('within')
      return span.spanContext()
    })
    expect(lines()[0]).not.toHaveProperty('trace_id')
    expect(lines()[1]).toMatchObject({ trace_id: context.traceId, span_id: context.spanId, a: 1 })
  })
})

describe('a collector that is down', () => {
  test.each([
    ['refuses', async () => ({ ...(await otlpReceiver(400)) })],
    ['hangs', hanging],
    ['is not there', async () => Promise.resolve({ endpoint: 'http://127.0.0.1:9', async [Symbol.asyncDispose]() {} })],
  ])(
    'and %s is counted, logged once, and stops nothing',
    async (_name, start) => {
      await using receiver = await start()
      const { metrics: recorded, ready, close, lines } = open(receiver.endpoint)
      await ready
      recorded.count(demoMetrics.search_count)
      inSpan('work', {}, () => undefined)
      await close()
      expect(recorded.value(commonMetrics.telemetry_errors_total, { sink: 'otlp' })).toBeGreaterThan(0)
      expect(lines().filter((line) => line['sink'] === 'otlp')).toHaveLength(1)
      expect(recorded.value(demoMetrics.search_count)).toBe(1)
    },
    15_000,
  )
})

async function hanging() {
  const server = createServer(() => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      await Promise.resolve()
    },
  }
}
