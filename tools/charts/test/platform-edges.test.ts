import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeSettings, type Settings } from '@armature/config/schema'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Labels, type Manifest, manifests, named, ofKind } from '../src/manifests.ts'
import { namedServers, podOf, selectorOf } from '../src/named-backends.ts'
import { allows, type PortOf } from '../src/network-policies.ts'
import { deadlineMs, profile, renderPlatform, root } from './render-platform.ts'
import { isWhole } from './app-charts.ts'

const apps = ['search-service', 'aggregator', 'alert-monitor', 'reactor']
const stranger: Labels = { app: 'stranger' }
const clientOf = (server: string): Labels => ({ app: 'client', 'armature/client-of': server })

/** An edge as text, to compare lists of them. */
type Edge = `${string} -> ${string}:${number}/${'TCP' | 'UDP'}`

const edge = (from: string, to: string, port: number, protocol: 'TCP' | 'UDP'): Edge =>
  `${from} -> ${to}:${port}/${protocol}`

interface Release {
  readonly objects: readonly Manifest[]
  readonly pods: ReadonlyMap<string, Labels>
  readonly portOf: PortOf
}

const release = async (...flags: string[]): Promise<Release> => {
  const objects = manifests(await renderPlatform(...flags))
  const workloads = ofKind(objects, 'Deployment', 'StatefulSet')
  const pods = new Map(workloads.map((each) => [each.metadata.name.replace(/^platform-/, ''), podOf(each).labels]))
  const portOf: PortOf = (labels, name) => {
    const workload = workloads.find((each) => podOf(each).labels === labels)
    const containers = workload === undefined ? [] : podOf(workload).spec.containers
    return containers.flatMap(({ ports = [] }) => ports).find((port) => port.name === name)?.containerPort
  }
  return { objects, pods, portOf }
}

/** What the settings of the apps name, and the ways back that follow from it. */
const wantedEdges = ({ objects, pods }: Release): Edge[] => {
  const nameOf = (labels: Labels) =>
    [...pods].find(([, own]) => Object.entries(labels).every(([key, value]) => own[key] === value))?.[0]
  const own = apps.flatMap((app): Edge[] =>
    namedServers(objects, named(objects, 'Deployment', `platform-${app}`)).flatMap(({ host, port, protocol }) => {
      const selector = selectorOf(objects, host)
      const to = selector === undefined ? host : nameOf(selector)
      return to === app ? [] : [`${app} -> ${to}:${port}/${protocol}` as Edge]
    }),
  )
  const hasConsul = own.some((edge) => edge.includes('-> consul:'))
  const checks = apps.map((app): Edge => `consul -> ${app}:${app === 'search-service' ? 50_051 : 8_080}/TCP`)
  const clients = [...clientPorts].flatMap(([backend, ports]): Edge[] => {
    const clients = backend === 'consul' ? ['client of search-service', 'client of consul'] : [`client of ${backend}`]
    return pods.has(backend)
      ? clients.flatMap((from) => ports.map((port): Edge => `${from} -> ${backend}:${port}`))
      : []
  })
  return [
    ...new Set([
      ...own,
      ...(hasConsul && pods.has('consul') ? checks : []),
      ...(pods.has('graphite') ? (['graphite -> alert-monitor:8125/UDP'] as const) : []),
      ...clients,
    ]),
  ].sort()
}

/** What a pod with the label `armature/client-of` reaches. */
const clientPorts: ReadonlyMap<string, readonly `${number}/${'TCP' | 'UDP'}`[]> = new Map([
  ['search-service', ['50051/TCP']],
  ['consul', ['8500/TCP', '8600/TCP', '8600/UDP']],
  ['kafka', ['9092/TCP']],
  ['nats', ['4222/TCP']],
  ['rabbitmq', ['5672/TCP']],
  ['postgres', ['5432/TCP']],
  ['opensearch', ['9200/TCP']],
  ['graphite', ['8125/UDP', '8080/TCP']],
  ['redis', ['6379/TCP']],
])

const allPorts = [2003, 4222, 5432, 5672, 6379, 8080, 8081, 8125, 8126, 8222, 8500, 8600, 9092, 9093, 9200, 50_051]

/** Every connection between two pods of the release, from a stranger and from a client, that the policies let through. */
const allowedEdges = ({ objects, pods, portOf }: Release): Edge[] => {
  const others: [string, Labels][] = [
    ['stranger', stranger],
    ...[...clientPorts.keys()].map((server): [string, Labels] => [`client of ${server}`, clientOf(server)]),
  ]
  return [...pods, ...others]
    .flatMap(([from, labels]) =>
      [...pods].flatMap(([to, toLabels]) =>
        allPorts.flatMap((port) =>
          (['TCP', 'UDP'] as const).flatMap((protocol) =>
            from !== to && allows(objects, { from: { labels }, to: { labels: toLabels }, port, protocol }, portOf)
              ? [edge(from, to, port, protocol)]
              : [],
          ),
        ),
      ),
    )
    .sort()
}

describe.runIf(isWhole).each([
  ['embedded backends', []],
  ['no Graphite: StatsD lines go to alert-monitor', ['--set', 'backends.graphite.mode=disabled']],
  [
    'reactor over RabbitMQ',
    [
      '--set',
      'backends.rabbitmq.mode=embedded,backends.redis.mode=embedded',
      '--set',
      'reactor.secrets.messagingUrl.existingSecret=\\{\\{ .Release.Name \\}\\}-rabbitmq',
    ],
  ],
])('network policies with %s', (_, flags) => {
  let rendered: Release
  beforeAll(async () => {
    rendered = await release(...flags)
  }, deadlineMs)

  test('let through what the settings of the apps name, and nothing else', () => {
    expect(allowedEdges(rendered)).toEqual(wantedEdges(rendered))
  })

  test('let a stranger reach nothing', () => {
    expect(allowedEdges(rendered).filter((edge) => edge.startsWith('stranger'))).toEqual([])
  })

  test('let no pod of the release reach an address outside', () => {
    const reached = [...rendered.pods].filter(([, labels]) =>
      [443, 5432, 9092].some((port) =>
        allows(
          rendered.objects,
          { from: { labels }, to: { address: '203.0.113.7' }, port, protocol: 'TCP' },
          rendered.portOf,
        ),
      ),
    )
    expect(reached).toEqual([])
  })
})

test.runIf(isWhole)(
  'an app reaches its external backends at their addresses only',
  { timeout: deadlineMs },
  async () => {
    const { objects, pods, portOf } = await release(...profile('external'))
    const reaches = (app: string, address: string, port: number): boolean =>
      allows(objects, { from: { labels: pods.get(app) ?? {} }, to: { address }, port, protocol: 'TCP' }, portOf)
    expect(reaches('aggregator', '10.20.0.7', 9093)).toBe(true)
    expect(reaches('aggregator', '10.20.0.7', 9092)).toBe(false)
    expect(reaches('aggregator', '10.20.1.7', 9093)).toBe(false)
    expect(reaches('search-service', '10.20.2.5', 5432)).toBe(true)
    expect(reaches('search-service', '10.20.2.6', 5432)).toBe(false)
    expect(reaches('reactor', '10.20.2.5', 5432)).toBe(false)
  },
)

/** Where the settings that name a server come from in a release, or why they need no edge. */
const waysOfSettings = new Map([
  ['databaseUrl', 'the Secret of postgres'],
  ['messagingUrl', 'the Secret of a broker'],
  ['sinkUrl', 'the Secret of opensearch'],
  ['consulHttpAddr', 'the ConfigMap of consul'],
  ['statsdHost', 'the ConfigMap of graphite'],
  ['webhookUrl', "of the user's own: with networkPolicy.egress of the app"],
  ['graphiteUrl', "of the user's own: with networkPolicy.egress of the app"],
  ['otlpEndpoint', "of the user's own: with networkPolicy.egress of the app"],
  ['ddAgentHost', "of the user's own: with networkPolicy.egress of the app"],
  ['ddDogstatsdUrl', "of the user's own: with networkPolicy.egress of the app"],
  ['kubernetesServiceHost', 'the API server: networkPolicy.apiServer of the app'],
  ['httpHost', 'an address of the pod'],
  ['httpAllowedHosts', 'names of the pod'],
  ['grpcHost', 'an address of the pod'],
  ['statsdListenHost', 'an address of the pod'],
  ['otlpListenHost', 'an address of the pod'],
  ['apiHost', 'an address of the pod'],
  ['advertiseHost', 'an address of the pod'],
])

test.each(readdirSync(join(root, 'apps')).filter((app) => apps.includes(app)))(
  'every setting of %s that names a server has its edge',
  async (app) => {
    const { settings } = (await import(pathToFileURL(join(root, 'apps', app, 'src/config.ts')).href)) as {
      settings: Settings
    }
    const naming = describeSettings(settings)
      .map(({ key }) => key)
      .filter((key) => /(?:Url|Host|Hosts|Addr|Address|Endpoint|Brokers)$/.test(key))
    expect(naming.filter((key) => !waysOfSettings.has(key))).toEqual([])
    expect(naming.length).toBeGreaterThan(0)
  },
)
