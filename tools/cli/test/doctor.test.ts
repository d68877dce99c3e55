import { loadAllYaml } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import type { Cluster } from '../src/cluster.ts'
import { diagnoseCluster } from '../src/diagnose-cluster.ts'
import { installPlan, type Manifest } from '../src/install-plan.ts'
import { fakeCluster } from './fake-cluster.ts'
import { demandingManifests, manifests } from './manifests.ts'

const planOf = (text: string) => installPlan(loadAllYaml(text) as Manifest[])
const plan = planOf(manifests)
const secrets: Partial<Cluster> = {
  secretKeys: async (name) => new Set(name === 'mine' ? ['username', 'password'] : ['token']),
}

const ask = (other: Partial<Cluster> = {}, of = plan) =>
  diagnoseCluster({ cluster: fakeCluster({ ...secrets, ...other }), namespace: 'shop', plan: of })

const answerTo = async (check: string, other: Partial<Cluster>, of = plan) => {
  const finding = (await ask(other, of)).find((one) => one.check === check)
  if (finding === undefined) throw new Error(`no check ${check}`)
  return finding
}

test('what an installation makes and needs is read from its manifests', () => {
  expect(plan.images.toSorted()).toEqual(['armature/reactor:0.1.0', 'nats:2.15'].toSorted())
  expect(plan.totals).toEqual({
    'limits.memory': 2 * 128 * 2 ** 20,
    persistentvolumeclaims: 1,
    pods: 4,
    'requests.cpu': 1.5,
    'requests.memory': (1024 + 2 * 64) * 2 ** 20,
    'requests.storage': 2 * 2 ** 30,
  })
  expect(plan.secrets).toEqual([
    { name: 'hooks', keys: ['token'], by: 'Deployment p-reactor' },
    { name: 'mine', keys: ['username', 'password'], by: 'Job p-secrets' },
  ])
  expect([...plan.storageClasses]).toEqual([undefined])
})

test('a cluster that lacks nothing is well, check by check', async () => {
  const findings = await ask()
  expect(findings.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  expect(findings.map(({ check }) => check)).toEqual([
    ...['version', 'cluster DNS', 'network policies', 'APIs', 'rights', 'storage class', 'secrets', 'images'],
    ...['quota', 'pod security', 'load balancer'],
  ])
})

test.each<[check: string, outcome: string, other: Partial<Cluster>, said: RegExp, fix: RegExp]>([
  ['version', 'FAIL', { version: async () => 'v1.29.8' }, /v1\.29\.8 is too old/, /1\.30/],
  ['cluster DNS', 'FAIL', { dnsEndpoints: async () => 0 }, /no endpoint that is ready/, /kubectl -n kube-system/],
  ['cluster DNS', 'warn', { dnsEndpoints: async () => undefined }, /no Service kube-dns/, /Ask who runs/],
  ['network policies', 'warn', { daemonSets: async () => ['kube-proxy'] }, /no program that is known/, /Calico/],
  [
    'rights',
    'FAIL',
    { may: async ({ resource }) => resource !== 'jobs' },
    /may not create jobs\.batch in the namespace shop/,
    /rolebinding/,
  ],
  ['APIs', 'FAIL', { resources: async () => undefined }, /does not serve .*apps\/v1 Deployment/, /Install what brings/],
  [
    'storage class',
    'FAIL',
    { storageClasses: async () => [{ name: 'slow', isDefault: false }] },
    /no default StorageClass/,
    /persistence\.storageClass \(there are: slow\)/,
  ],
  ['storage class', 'FAIL', { storageClasses: async () => [] }, /no default StorageClass/, /there are: none/],
  [
    'secrets',
    'FAIL',
    { secretKeys: async () => undefined },
    /no Secret hooks, which Deployment p-reactor needs/,
    /create secret generic hooks --from-literal=token=/,
  ],
  [
    'secrets',
    'FAIL',
    { secretKeys: async () => new Set(['username', 'token']) },
    /the Secret mine lacks password/,
    /edit secret mine/,
  ],
  [
    'images',
    'warn',
    { nodes: async () => [{ name: 'a', kubeletVersion: '', images: [] }] },
    /2 of 2 images are not seen/,
    /global\.imageRegistry/,
  ],
  [
    'quota',
    'FAIL',
    { quotas: async () => [{ name: 'q', hard: { cpu: '2', pods: '10' }, used: { cpu: '1' } }] },
    /q leaves 1 of requests\.cpu, 1\.5 are needed/,
    /Raise the quota/,
  ],
  [
    'quota',
    'FAIL',
    { quotas: async () => [{ name: 'q', hard: { 'requests.storage': '1Gi' }, used: {} }] },
    /leaves 1 GiB of requests\.storage, 2 GiB/,
    /Raise/,
  ],
  [
    'quota',
    'FAIL',
    { containerMaxima: async () => ({ memory: '512Mi' }) },
    /a LimitRange gives a container 512Mi of memory, 1 GiB/,
    /LimitRange/,
  ],
  [
    'pod security',
    'warn',
    { namespaceLabels: async () => undefined },
    /no namespace shop yet/,
    /kubectl create namespace shop/,
  ],
  [
    'pod security',
    'warn',
    { namespaceLabels: async () => ({}) },
    /enforces no Pod Security Standard/,
    /enforce=restricted/,
  ],
])('%s: %s', async (check, outcome, other, said, fix) => {
  const finding = await answerTo(check, other)
  expect(finding.outcome, finding.said).toBe(outcome)
  expect(finding.said).toMatch(said)
  expect(finding.fix).toMatch(fix)
})

test.each<[check: string, outcome: string, other: Partial<Cluster>, said: RegExp]>([
  ['APIs', 'FAIL', {}, /does not serve kafka\.strimzi\.io\/v1 Kafka/],
  ['storage class', 'FAIL', {}, /there is no StorageClass fast/],
  ['load balancer', 'warn', {}, /p-open wants a load balancer, and no Service has/],
  ['load balancer', 'FAIL', { loadBalancers: async () => ({ served: [], waiting: ['old'] }) }, /old waits/],
  ['load balancer', 'ok', { loadBalancers: async () => ({ served: ['web'], waiting: [] }) }, /as to web/],
  ['pod security', 'FAIL', {}, /enforces restricted, and StatefulSet p-agent uses folders/],
  ['pod security', 'warn', { namespaceLabels: async () => ({}) }, /StatefulSet p-agent uses folders/],
  ['images', 'warn', {}, /1 of 3 images .* registry\.example:5000\/agent\. /],
])('of what only some clusters have, %s: %s', async (check, outcome, other, said) => {
  const finding = await answerTo(check, other, planOf(demandingManifests))
  expect(finding.outcome, finding.said).toBe(outcome)
  expect(finding.said).toMatch(said)
})

test('operators are named by what to install', async () => {
  const { fix } = await answerTo('APIs', {}, planOf(demandingManifests))
  expect(fix).toBe('Install the operator Strimzi, or set backends.kafka.mode to another one')
})

test('what this user may not look at is not known, and the other checks go on', async () => {
  const refused = async () => {
    const body = JSON.stringify({ reason: 'Forbidden', message: 'nodes is forbidden' })
    throw Object.assign(new Error('HTTP 403'), { code: 403, body })
  }
  const findings = await ask({ nodes: refused })
  expect(findings.filter(({ outcome }) => outcome !== 'ok')).toMatchObject([
    { check: 'images', outcome: 'warn', said: expect.stringContaining('nodes is forbidden') as string },
  ])
})

test.each([
  ['does not answer', { cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' } }, 69],
  ['does not know the user', { code: 401, body: '{}' }, 78],
])('an API server that %s ends it', async (_what, error, exitCode) => {
  const away = async () => {
    throw Object.assign(new Error('it failed'), error)
  }
  await expect(ask({ version: away })).rejects.toMatchObject({ exitCode })
})

test('bug: one question without an answer took the answers of all others with it', async () => {
  const slow = async () => {
    throw Object.assign(new Error('it failed'), { code: 504, body: '{"message":"the list took too long"}' })
  }
  const findings = await ask({ nodes: slow })
  expect(findings).toContainEqual(
    expect.objectContaining({
      check: 'images',
      outcome: 'FAIL',
      said: expect.stringContaining('took too long') as string,
    }),
  )
  expect(findings).toContainEqual(expect.objectContaining({ check: 'version', outcome: 'ok' }))
})

test('without a plan the cluster alone is checked', async () => {
  const findings = await diagnoseCluster({ cluster: fakeCluster(), namespace: 'shop', plan: undefined })
  expect(findings.map(({ check }) => check)).toEqual(['version', 'cluster DNS', 'network policies'])
})
