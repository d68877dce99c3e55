import { once } from 'node:events'
import { expect, test } from 'vitest'
import { outcome, program } from './programs.ts'
import { udpReceiver } from './udp-receiver.ts'

const config = (port: number) =>
  `{ logLevel: 'info', statsdHost: '127.0.0.1', statsdPort: ${port}, ddDogstatsdPort: 8125 }`
const open = (port = 0) => `
  import { createTelemetry } from '@armature/telemetry/telemetry'
  import { commonMetrics } from '@armature/telemetry/common-metrics'
  import { demoMetrics } from './demo-metrics.ts'
  const telemetry = createTelemetry({ service: 'demo', config: ${config(port)} })
`

test('every line is written before a close resolves', async () => {
  const child = program(`${open()}
    for (let line = 0; line < 5_000; line++) telemetry.log.info({ line }, 'x'.repeat(100))
    await telemetry.close()
    process.exit(3)
  `)
  const { code, stdout } = await outcome(child)
  expect(code).toBe(3)
  expect(stdout.trim().split('\n')).toHaveLength(5_000)
})

test('the last words of a process that crashes are written', async () => {
  const child = program(`${open()}
    telemetry.log.fatal('last words')
    process.exit(70)
  `)
  const { code, stdout } = await outcome(child)
  expect(code).toBe(70)
  expect(stdout).toContain('last words')
})

test('the lines of several loggers stay whole', async () => {
  const child = program(`${open()}
    const other = createTelemetry({ service: 'other', config: ${config(0)} })
    for (let line = 0; line < 200; line++) for (const { log } of [telemetry, other]) log.info('x'.repeat(5_000))
    await Promise.all([telemetry.close(), other.close()])
  `)
  const { stdout } = await outcome(child)
  const services = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { service: string }).service)
  expect(services.filter((service) => service === 'other')).toHaveLength(200)
  expect(services).toHaveLength(400)
})

test('neither an open telemetry nor the event-loop watch keeps a process alive', async () => {
  const child = program(`${open(9)}
    import { watchEventLoopDelay } from '@armature/telemetry/event-loop-delay'
    watchEventLoopDelay(telemetry)
    telemetry.metrics.observe(commonMetrics.ledger_in_flight, () => 1)
    telemetry.metrics.count(demoMetrics.search_count)
    telemetry.log.info('done')
  `)
  expect((await outcome(child)).code).toBe(0)
})

test('a reader of the log that went away is counted, and ends the process neither early nor never', async () => {
  const child = program(`${open()}
    setInterval(() => {
      telemetry.log.info('x'.repeat(1_000))
      if (telemetry.metrics.value(commonMetrics.log_lines_discarded_total) < 3) return
      process.stderr.write('alive')
      process.exit(0)
    }, 1)
  `)
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const { code, stderr } = await outcome(child)
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'alive' })
})

test('a reader that reads nothing blocks neither the process nor its exit: lines beyond 16 MiB are discarded and counted', async () => {
  const child = program(`${open()}
    const line = 'x'.repeat(10_000)
    for (let count = 0; count < 2_500; count++) telemetry.log.info(line)
    setImmediate(() => {
      process.stderr.write(String(telemetry.metrics.value(commonMetrics.log_lines_discarded_total)))
      process.exit(0)
    })
  `)
  child.stdout.pause()
  const exited = once(child, 'exit')
  const [told] = (await once(child.stderr, 'data')) as [Buffer]
  expect(Number(told.toString())).toBeGreaterThan(500)
  expect(Number(told.toString())).toBeLessThan(2_500)
  expect(await exited).toEqual([0, null])
})

test('DD_* and OTEL_* variables of the environment do not change what is sent unless the settings say so', async () => {
  await using receiver = await udpReceiver()
  const env = {
    DD_AGENT_HOST: '192.0.2.1',
    DD_DOGSTATSD_PORT: '1',
    DD_DOGSTATSD_URL: 'udp://192.0.2.1:1',
    DD_ENTITY_ID: 'id',
    DD_ENV: 'prod',
    DD_SERVICE: 'x',
    DD_TAGS: 'a:b',
    DD_EXTERNAL_ENV: 'y',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://192.0.2.1:1',
  }
  const child = program(
    `${open(receiver.port)}
    telemetry.metrics.time(demoMetrics.search, 1)
    telemetry.metrics.count(demoMetrics.search_count, 1)
    await telemetry.close()
  `,
    env,
  )
  expect(await outcome(child)).toEqual({ code: 0, stdout: '', stderr: '' })
  await expect.poll(receiver.lines).toEqual(['search:1|ms', 'search_count:1|c'])
})

const loaded = (source: string) =>
  outcome(
    program(`
      import { registerHooks } from 'node:module'
      const urls = []
      registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
      const { createTelemetry } = await import('@armature/telemetry/telemetry')
      ${source}
      console.log(urls.filter((url) => /@opentelemetry.(?!api)/.test(url)).length)
      process.exit(0)
    `),
  )

test('the OpenTelemetry SDK is not loaded unless an endpoint is set', async () => {
  const without = await loaded(`await createTelemetry({ service: 'demo', config: ${config(0)} }).ready`)
  const withIt = await loaded(
    `await createTelemetry({ service: 'demo', config: { ...${config(0)}, otlpEndpoint: 'http://127.0.0.1:9' } }).ready`,
  )
  expect(without.stdout).toBe('0\n')
  expect(Number(withIt.stdout)).toBeGreaterThan(10)
})
