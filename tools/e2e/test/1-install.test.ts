import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { isReady } from '../src/cluster.ts'
import { execute } from '../src/execute.ts'
import { probeImage } from '../src/images.ts'
import { jsonIn, probe } from '../src/probe.ts'
import { until } from '../src/until.ts'
import {
  apps,
  backends,
  chart,
  explained,
  onlyPod,
  podsOf,
  release,
  searchClient,
  space,
  testValues,
} from '../src/world.ts'

const { namespace, kubectl, helm } = space

test('helm install brings every pod to Ready under the restricted Pod Security Standard', async () => {
  const startedMs = Date.now()
  await explained(helm(['install', release, chart, '--values', testValues, '--wait', '--timeout', '8m']))
  const pods = await space.pods()
  const running = pods.filter(({ status }) => status.phase !== 'Succeeded')
  expect(running.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name)).toEqual([])
  const instances = new Set(running.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/name']))
  expect([...instances]).toEqual(expect.arrayContaining([...apps, ...backends]))
  const seconds = Math.round((Date.now() - startedMs) / 1000)
  console.log(`helm install to all ready: ${seconds} s, ${running.length} pods`)
})

test('helm test: a search, a log line, a counter and an alert arrive where they must', async () => {
  console.log(await explained(helm(['test', release, '--logs', '--timeout', '5m'])))
})

test("Consul's DNS answers with the pods of search-service", async () => {
  const consul = await onlyPod('consul')
  const pods = await space.pods(podsOf('search-service'))
  const addresses = pods.map(({ status }) => `${String(status.podIP)}:50051`).toSorted()
  const answer = await until('DNS names the pods', async () => {
    const server = `${String(consul.status.podIP)}:8600`
    const args = ['resolve', 'search-service.service.consul', '--server', server, '--within', '30000']
    const labels = { 'armature/client-of': 'consul' }
    const found = jsonIn<string[]>(await probe(space, { name: 'dig', image: probeImage, args, labels }))
    return found.length === addresses.length && found
  })
  expect(answer).toEqual(addresses)
})

describe('network policies', () => {
  const backendPorts = {
    consul: 8500,
    kafka: 9092,
    nats: 4222,
    postgres: 5432,
    opensearch: 9200,
    graphite: 8080,
  } as const
  const backendTargets = Object.entries(backendPorts).map(([backend, port]) => `${release}-${backend}:${port}`)
  const appPorts = [8080, 8081, 50_051]
  /** What a pod without policies of its own reaches: it shows that its network is there. */
  const anywhere = 'kubernetes.default.svc:443'

  const appTargets = async () =>
    (await Promise.all(apps.map((app) => space.pods(podsOf(app))))).flatMap((pods) =>
      pods.flatMap(({ status }) => appPorts.map((port) => `${String(status.podIP)}:${port}`)),
    )
  const openOnes = (reached: Readonly<Record<string, string>>) =>
    Object.keys(reached).filter((target) => reached[target] === 'open')

  test('a stranger in the namespace reaches no app and no backend', async () => {
    const args = ['reach', '--first', anywhere, ...backendTargets, ...(await appTargets())]
    const reached = jsonIn<Record<string, string>>(await probe(space, { name: 'stranger', image: probeImage, args }))
    expect(openOnes(reached)).toEqual([])
  })

  test('a labelled client reaches search-service, and nothing else', async () => {
    const pod = await onlyPod('search-service')
    const search = `${String(pod.status.podIP)}:50051`
    const args = ['reach', '--first', search, search, ...backendTargets.filter((target) => !target.includes('consul'))]
    const labels = searchClient
    const reached = jsonIn<Record<string, string>>(
      await probe(space, { name: 'client', image: probeImage, args, labels }),
    )
    expect(openOnes(reached)).toEqual([search])
  })

  /** The edges of ARCHITECTURE.md's picture; logs go to Kafka from the wrapper of each app. */
  const edges = {
    'search-service': ['consul', 'kafka', 'postgres'],
    'alert-monitor': ['consul', 'kafka', 'nats'],
    reactor: ['consul', 'kafka', 'nats'],
    aggregator: ['consul', 'kafka', 'opensearch'],
  } as const

  /** Runs in an app's own container, which has Node and no shell. */
  const reachFrom = async (app: string, targets: readonly string[]): Promise<readonly string[]> => {
    const program = `
      const { connect } = require('node:net')
      const one = (target) => new Promise((resolve) => {
        const [host, port] = target.split(':')
        const socket = connect({ host, port: Number(port), timeout: 3000 })
        const end = (is) => { socket.destroy(); resolve([target, is]) }
        socket.on('connect', () => end(true)); socket.on('timeout', () => end(false)); socket.on('error', () => end(false))
      })
      Promise.all(process.argv.slice(1).map(one)).then((all) => console.log(JSON.stringify(all.filter(([, is]) => is).map(([target]) => target))))`
    const { metadata } = await onlyPod(app)
    const command = ['exec', metadata.name, '--container', app, '--', 'node', '-e', program, ...targets]
    return jsonIn<string[]>(await kubectl(command))
  }

  test.each(Object.entries(edges))('%s reaches its own backends and nothing else', async (app, reachable) => {
    const others = (await appTargets()).filter((target) => !target.endsWith(':50051'))
    const own = (await space.pods(podsOf(app))).map(({ status }) => `${String(status.podIP)}:`)
    const foreign = others.filter((target) => !own.some((address) => target.startsWith(address)))
    const found = await reachFrom(app, [...backendTargets, ...foreign])
    expect(found.toSorted()).toEqual(reachable.map((backend) => `${release}-${backend}:${backendPorts[backend]}`))
  })
})

test('memory of the whole platform', async () => {
  const nodes = JSON.parse(await execute('kubectl', ['get', 'nodes', '--output', 'json'])) as {
    items: { metadata: { name: string } }[]
  }
  const rows: (readonly [name: string, mib: number])[] = []
  for (const { metadata } of nodes.items) {
    const summary = JSON.parse(
      await execute('kubectl', ['get', '--raw', `/api/v1/nodes/${metadata.name}/proxy/stats/summary`]),
    ) as { pods: { podRef: { name: string; namespace: string }; memory?: { workingSetBytes?: number } }[] }
    for (const { podRef, memory } of summary.pods) {
      if (podRef.namespace === namespace) rows.push([podRef.name, Math.round((memory?.workingSetBytes ?? 0) / 2 ** 20)])
    }
  }
  const total = rows.reduce((sum, [, mib]) => sum + mib, 0)
  const text = [...rows.toSorted((a, b) => b[1] - a[1]), ['total', total] as const]
  console.log(text.map(([name, mib]) => `${String(mib).padStart(6)} MiB  ${name}`).join('\n'))
  if (process.env['E2E_MEMORY_FILE'] !== undefined)
    await writeFile(process.env['E2E_MEMORY_FILE'], JSON.stringify(rows))
  expect(total).toBeGreaterThan(0)
})
