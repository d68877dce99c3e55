import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { callsProbe, type CallCounts } from '../src/calls-probe.ts'
import { execute } from '../src/execute.ts'
import { cliImage } from '../src/images.ts'
import { countOf } from '../src/index-count.ts'
import { jsonIn, startProbe } from '../src/probe.ts'
import { isReady } from '../src/cluster.ts'
import { until } from '../src/until.ts'
import {
  apps,
  callsPerSecond,
  chart,
  eventsPerSecond,
  explained,
  onlyPod,
  podsOf,
  release,
  space,
  testValues,
} from '../src/world.ts'

const { kubectl, helm } = space
/** Long enough for all that happens below; the rest is cut off when they are through. */
const loadSeconds = 900
const topic = 'logs.e2e'

const allReady = () =>
  until(
    'every pod of the apps is Ready',
    async () => {
      const pods = (await Promise.all(apps.map((app) => space.pods(podsOf(app))))).flat()
      return pods.length >= apps.length && pods.every(isReady)
    },
    240_000,
  )

/** The load of one test: both begin before the disturbance and end after it; what failed and what is missing is asserted. */
const underLoad = async (disturbance: () => Promise<unknown>): Promise<CallCounts> => {
  const mark = `e2e-${Date.now()}`
  const calls = await startProbe(space, callsProbe({ perSecond: callsPerSecond, seconds: loadSeconds }))
  const events = await startProbe(space, {
    name: 'events',
    image: cliImage,
    args: [
      'publish',
      '-t',
      topic,
      '-m',
      `{"mark":"${mark}","n":{n}}`,
      '--amount',
      '0',
      '--rate',
      `${eventsPerSecond}/s`,
    ],
    env: { MESSAGING_URL_FILE: `/etc/secrets/${release}-kafka/url` },
    secrets: [`${release}-kafka`],
    labels: { 'armature/client-of': 'kafka' },
  })
  onTestFinished(async () => void (await Promise.all([calls.remove(), events.remove()])))
  await Promise.all([calls.said('times a second'), events.running()])
  await disturbance()
  await allReady()
  const [called, published] = await Promise.all([calls.stop(), events.stop()])
  const counts = jsonIn<CallCounts>(called)
  const [, sent = '0', failed = '0'] = /sent (\d+), failed (\d+)/.exec(published) ?? []
  expect({ calls: counts.failed, failures: counts.failures, events: Number(failed) }).toEqual({
    calls: 0,
    failures: {},
    events: 0,
  })
  expect(counts.calls).toBeGreaterThan(callsPerSecond)
  expect(Number(sent)).toBeGreaterThan(eventsPerSecond)
  await until(`all ${sent} events are in the index`, async () => (await countOf(`"${mark}"`)) >= Number(sent), 180_000)
  expect(await countOf(`"${mark}"`)).toBe(Number(sent))
  return counts
}

const told = (what: string, { calls, p50Ms, p99Ms }: CallCounts) =>
  console.log(
    `${what}: ${calls} calls, 0 failed, p50 ${Math.round(p50Ms)} ms, p99 ${Math.round(p99Ms)} ms; no event lost`,
  )

const upgrade = (mark: string) =>
  helm([
    'upgrade',
    release,
    chart,
    '--values',
    testValues,
    '--wait',
    '--timeout',
    '8m',
    ...apps.flatMap((app) => ['--set-string', `${app}.podAnnotations.e2e=${mark}`]),
  ])

describe(`under ${callsPerSecond} calls and ${eventsPerSecond} events a second no call fails and no event is lost`, () => {
  test('by an upgrade that replaces every pod of the apps', async () => {
    told('upgrade', await explained(underLoad(() => upgrade('next'))))
  })

  test('by the rollback of it', async () => {
    told('rollback', await explained(underLoad(() => helm(['rollback', release, '--wait', '--timeout', '8m']))))
  })

  test('by a pod of each app that is killed', async () => {
    const kill = async (app: string) => {
      const { metadata } = await onlyPod(app)
      await kubectl(['delete', 'pod', metadata.name, '--grace-period=0', '--force'])
    }
    told('killed', await explained(underLoad(() => Promise.all(apps.map(kill)))))
  })

  test("by a broker's pod that is killed", async () => {
    const kill = async () => {
      const { metadata } = await onlyPod('kafka')
      await kubectl(['delete', 'pod', metadata.name, '--grace-period=0', '--force'])
      await until('Kafka is back', async () => isReady(await onlyPod('kafka')), 180_000)
    }
    told('broker', await explained(underLoad(kill)))
  })

  describe('by the drain of a node', () => {
    let node = ''
    beforeAll(async () => {
      node = (await onlyPod('search-service')).spec.nodeName ?? ''
    })
    afterAll(() => execute('kubectl', ['uncordon', node]))

    test('of which the PodDisruptionBudgets keep one pod of each app that has two', async () => {
      const drain = async () => {
        // On a cluster of one node evicted pods have no other place: the drain cannot end, and the budgets must hold it up.
        const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=app`
        await execute('kubectl', [
          'drain',
          node,
          '--ignore-daemonsets',
          '--delete-emptydir-data',
          '--pod-selector',
          selector,
          '--timeout=45s',
        ]).catch(() => undefined)
        const twice = apps.filter((app) => app !== 'alert-monitor')
        for (const app of twice) expect((await space.pods(podsOf(app))).filter(isReady).length).toBeGreaterThan(0)
        await execute('kubectl', ['uncordon', node])
      }
      told('drain', await explained(underLoad(drain)))
    })
  })
})
