import { join } from 'node:path'
import { grpcurl } from '@armature/servers/clients'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CallCounts } from '../src/calls-probe.ts'
import { isReady } from '../src/cluster.ts'
import { execute } from '../src/execute.ts'
import { type Copy, openCopy } from '../src/generated.ts'
import { cliImage, named, probeImage } from '../src/images.ts'
import { loaderOf } from '../src/loaders.ts'
import { withPortForward } from '../src/port-forward.ts'
import { jsonIn, probe, startProbe } from '../src/probe.ts'
import { until } from '../src/until.ts'
import { chart, explained, loader, podsOf, release, space, testValues } from '../src/world.ts'

const { helm, kubectl } = space
const service = `${release}-billing`
const grpcService = 'armature.billing.v1.BillingService'
const replicas = 2
const callsPerSecond = 50
const loadSeconds = 600

// Its image comes into the cluster the way the others do; where nodes pull theirs, nobody has pushed this one.
describe.runIf(loader !== 'none')('a service that was generated just now', () => {
  let copy: Copy
  beforeAll(async () => {
    copy = await openCopy()
  })
  afterAll(() => copy?.remove())

  const allReady = () =>
    until(
      `${replicas} pods of billing are Ready`,
      async () => {
        const pods = await space.pods(podsOf('billing'))
        return pods.length === replicas && pods.every(isReady) && pods
      },
      240_000,
    )

  /** Calls a method by grpcurl, with its proto. */
  const call = async (method: string, request: object): Promise<Record<string, unknown>> => {
    const program = await grpcurl()
    const proto = [
      '-import-path',
      join(copy.folder, 'apps/billing/proto'),
      '-proto',
      'armature/billing/v1/billing.proto',
    ]
    return withPortForward(service, 50_051, async (address) => {
      const what = [address, `${grpcService}/${method}`]
      return JSON.parse(
        await execute(program, ['-plaintext', '-max-time', '10', ...proto, '-d', JSON.stringify(request), ...what]),
      ) as Record<string, unknown>
    })
  }

  test('gets an image, and is installed beside the platform', async () => {
    await copy.nx(
      'g',
      '@armature/scaffold:service',
      'billing',
      '--api=grpc',
      '--consumes=kafka:orders',
      '--store=postgres',
    )
    await copy.nx('run', 'billing:image')
    for (const [command = '', ...args] of loaderOf(loader)([named('billing')])) await execute(command, args)
    const values = ['--set', 'billing.enabled=true', '--set', `billing.replicaCount=${replicas}`]
    const flags = ['--reset-then-reuse-values', ...values, '--wait', '--timeout', '8m']
    await explained(helm(['upgrade', release, copy.chart, ...flags]))
    await allReady()
  })

  test('keeps what grpcurl puts, once, and what comes by its topic', async () => {
    const put = () => call('PutEntry', { entry_json: '{"id":"a"}' })
    expect(await put()).toEqual({ isNew: true })
    expect(await put()).toEqual({})
    await probe(space, {
      name: 'orders',
      image: cliImage,
      args: ['publish', '-t', 'orders', '-m', '{"id":"b"}'],
      env: { MESSAGING_URL_FILE: `/etc/secrets/${release}-kafka/url` },
      secrets: [`${release}-kafka`],
      labels: { 'armature/client-of': 'kafka' },
    })
    const { entryJson } = await until('the entry of the topic is kept', () => call('GetEntry', { id: 'b' }), 120_000)
    expect(JSON.parse(String(entryJson))).toEqual({ id: 'b' })
  })

  test('fails no call while its pods are drained, one after the other and all by a rollout', async () => {
    const calls = await startProbe(space, {
      name: 'billing-calls',
      image: probeImage,
      args: [
        'unary',
        ...['--address', 'consul:///billing', '--method', `${grpcService}/PutEntry`, '--text', '{"id":"drain-{n}"}'],
        ...['--rate', String(callsPerSecond), '--seconds', String(loadSeconds)],
      ],
      env: { CONSUL_HTTP_ADDR: `${release}-consul:8500` },
      labels: { 'armature/client-of': 'billing' },
    })
    onTestFinished(async () => void (await calls.remove()))
    await calls.said('times a second')
    for (const { metadata } of await allReady()) {
      await kubectl(['delete', 'pod', metadata.name, '--wait=true', '--timeout=120s'])
      await explained(allReady())
    }
    await kubectl(['rollout', 'restart', `deployment/${service}`])
    await explained(kubectl(['rollout', 'status', `deployment/${service}`, '--timeout=240s']))
    const counts = jsonIn<CallCounts>(await calls.stop())
    expect(counts.failures).toEqual({})
    expect(counts.calls).toBeGreaterThan(callsPerSecond)
    console.log(`drain of a generated service: ${counts.calls} calls, 0 failed, p99 ${Math.round(counts.p99Ms)} ms`)
  })

  test('is taken out again, and leaves no trace in the workspace', async () => {
    await explained(helm(['upgrade', release, chart, '--values', testValues, '--wait', '--timeout', '8m']))
    await until('no pod of billing is left', async () => (await space.pods(podsOf('billing'))).length === 0, 120_000)
    await copy.nx('g', '@armature/scaffold:remove', 'billing', '--force')
    expect(await copy.status()).toBe('')
  })
})
