import type { ServiceSpec } from './spec.ts'

/** Files by their path in the folder of the chart that are written by hand: facts, values for tests, a suite. */
export const chartSources = (spec: ServiceSpec): Readonly<Record<string, string>> => ({
  'chart.json': `${JSON.stringify(facts(spec), null, 2)}\n`,
  'ci/least-values.yaml': leastValues(spec),
  'ci/most-values.yaml': mostValues(spec),
  'tests/service.yaml': suite(spec),
})

/** The secret settings of a service, each with the backend of the umbrella that it names. */
export const secretsOf = ({ connections, store }: ServiceSpec): readonly { setting: string; backend: string }[] => [
  ...connections.map(({ setting, broker }) => ({ setting, backend: broker })),
  ...(store === 'postgres' ? [{ setting: 'databaseUrl', backend: 'postgres' }] : []),
]

const facts = (spec: ServiceSpec) => ({
  description: spec.description,
  runsOn: 'replicas',
  replicaCount: 1,
  requiredSecrets: secretsOf(spec).map(({ setting, backend }) => ({
    what: backend === 'postgres' ? 'database' : `broker ${backend}`,
    anyOf: [setting],
  })),
  allowFrom: spec.api === 'none' ? [] : [{ podSelector: { matchLabels: { 'armature/client-of': spec.name } } }],
  config: {},
  cpuRequest: '50m',
  panels: [
    {
      title: 'Entries a second, by outcome',
      query: `sum by (outcome) (rate(${spec.snake}_entries_total{$pods}[$__rate_interval]))`,
      unit: 'ops',
      legend: '{{outcome}}',
    },
  ],
})

const secretValues = (spec: ServiceSpec): string => {
  const secrets = secretsOf(spec)
  if (secrets.length === 0) return ''
  return `secrets:\n${secrets.map(({ setting, backend }) => `  ${setting}:\n    existingSecret: ${backend}\n`).join('')}`
}

const leastValues = (spec: ServiceSpec): string => `# What the chart cannot do without.\n${secretValues(spec)}`

const mostValues = (spec: ServiceSpec): string => `# What many releases set.
global:
  imageRegistry: registry.example:5000
${secretValues(spec)}config:
  logLevel: debug
commonLabels:
  team: '{{ .Release.Name }}'
autoscaling:
  hpa:
    enabled: true
metrics:
  dashboard:
    enabled: true
`

const suite = (spec: ServiceSpec): string => {
  const secrets = secretsOf(spec)
  const set = secrets.map(({ setting, backend }) => `  secrets.${setting}.existingSecret: ${backend}\n`).join('')
  const port = { none: 8080, grpc: 50_051, http: 8090 }[spec.api]
  const name = { none: 'http', grpc: 'grpc', http: 'api' }[spec.api]
  return `suite: the service
templates: [templates/all.yaml]
release: { name: r, namespace: n }
capabilities: { majorVersion: 1, minorVersion: 34 }
${set === '' ? '' : `set:\n${set}`}tests:
  - it: has the port that others ask
    documentSelector: { path: kind, value: Deployment }
    asserts:
      - contains:
          path: 'spec.template.spec.containers[0].ports'
          content: { name: ${name}, containerPort: ${port}, protocol: TCP }
${secrets
  .map(
    ({ setting, backend }) => `  - it: has ${setting} from the Secret ${backend}
    documentSelector: { path: kind, value: Deployment }
    asserts:
      - contains:
          path: 'spec.template.spec.containers[0].env'
          content: { name: ${variable(setting)}_FILE, value: /etc/armature/secrets/${setting}/url }
`,
  )
  .join('')}  - it: lets ${spec.api === 'none' ? 'nobody' : 'its clients'} in
    asserts:
      - containsDocument:
          { kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, name: r-${spec.name}-from-clients, any: true }
${spec.api === 'none' ? '        not: true\n' : ''}`
}

const variable = (setting: string): string => setting.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
