import type { KubernetesObject, V1PersistentVolumeClaimSpec, V1PodSpec } from '@kubernetes/client-node'
import { quantityOf } from './quantity.ts'
import { secretsOfPod, type SecretUse } from './pod-secrets.ts'

/** An object as a chart renders it. Its spec is not checked here: the API server does that. */
export interface Manifest extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number
    readonly type?: string
    readonly template?: { readonly spec?: V1PodSpec }
    readonly volumeClaimTemplates?: readonly { readonly spec?: V1PersistentVolumeClaimSpec }[]
  }
}

/** What an installation makes and needs. */
export interface InstallPlan {
  /** The kinds that it makes, by API: `apps/v1` makes `Deployment`. */
  readonly kinds: ReadonlyMap<string, ReadonlySet<string>>
  readonly images: readonly string[]
  /** Sums over all pods and claims, by the names that a ResourceQuota has: `requests.cpu` in cores, `requests.memory` in bytes. */
  readonly totals: Readonly<Record<string, number>>
  /** The largest container's limit, by resource. */
  readonly largest: Readonly<Record<string, number>>
  /** Storage classes of its claims. Undefined stands for the default one. */
  readonly storageClasses: ReadonlySet<string | undefined>
  /** Secrets that must be there before. */
  readonly secrets: readonly SecretUse[]
  readonly loadBalancers: readonly string[]
  /** Pods that use folders, ports or namespaces of the node, so that no namespace that enforces `restricted` takes them. */
  readonly unrestricted: readonly string[]
}

/** What the manifests of an installation make and need. Hooks count as pods too, since they run at the same time as what they wait for. */
export const installPlan = (manifests: readonly Manifest[]): InstallPlan => {
  const pods = manifests.flatMap(podsOf)
  const claims = manifests.flatMap(claimsOf)
  const kinds = new Map<string, Set<string>>()
  for (const { apiVersion = '', kind = '' } of manifests) {
    kinds.set(apiVersion, (kinds.get(apiVersion) ?? new Set()).add(kind))
  }
  const totals: Record<string, number> = {}
  const largest: Record<string, number> = {}
  const add = (name: string, amount: number) => (totals[name] = (totals[name] ?? 0) + amount)
  for (const { spec, replicas } of pods) {
    add('pods', replicas)
    for (const { resources } of spec.containers) {
      for (const part of ['requests', 'limits'] as const) {
        for (const [resource, quantity] of Object.entries(resources?.[part] ?? {})) {
          add(`${part}.${resource}`, quantityOf(quantity) * replicas)
          largest[resource] = Math.max(largest[resource] ?? 0, quantityOf(quantity))
        }
      }
    }
  }
  for (const { spec, replicas } of claims) {
    add('persistentvolumeclaims', replicas)
    add('requests.storage', quantityOf(spec.resources?.requests?.['storage']) * replicas)
  }
  const containers = pods.flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers])
  return {
    kinds,
    images: [...new Set(containers.flatMap(({ image }) => image ?? []))].sort(),
    totals,
    largest,
    storageClasses: new Set(claims.map(({ spec }) => spec.storageClassName || undefined)),
    secrets: secretsNeeded(manifests, pods),
    loadBalancers: manifests
      .filter(({ kind, spec }) => kind === 'Service' && spec?.type === 'LoadBalancer')
      .map(({ metadata }) => metadata?.name ?? ''),
    unrestricted: pods.filter(({ spec }) => usesNode(spec)).map(({ name }) => name),
  }
}

interface PlannedPod {
  readonly name: string
  readonly spec: V1PodSpec
  readonly replicas: number
}

const podsOf = ({ kind = '', metadata, spec }: Manifest): readonly PlannedPod[] => {
  const name = `${kind} ${metadata?.name ?? ''}`
  if (kind === 'Pod') return [{ name, spec: spec as unknown as V1PodSpec, replicas: 1 }]
  const pod = spec?.template?.spec
  if (pod === undefined || !Array.isArray(pod.containers)) return []
  return [{ name, spec: pod, replicas: spec?.replicas ?? 1 }]
}

const claimsOf = ({ kind, spec }: Manifest) => {
  const replicas = spec?.replicas ?? 1
  if (kind === 'PersistentVolumeClaim') return [{ spec: spec as V1PersistentVolumeClaimSpec, replicas: 1 }]
  return (spec?.volumeClaimTemplates ?? []).flatMap((claim) => (claim.spec ? [{ spec: claim.spec, replicas }] : []))
}

const usesNode = (spec: V1PodSpec): boolean =>
  spec.hostNetwork === true ||
  spec.hostPID === true ||
  (spec.volumes ?? []).some(({ hostPath }) => hostPath !== undefined)

/** Those that pods use, without those that the chart makes: as a manifest, or by a Job that runs `armature secrets`. */
const secretsNeeded = (manifests: readonly Manifest[], pods: readonly PlannedPod[]): readonly SecretUse[] => {
  const made = new Set(manifests.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata?.name ?? ''))
  const uses = pods.flatMap(({ name, spec }) => secretsOfPod(name, spec))
  for (const { args = [] } of pods.flatMap(({ spec }) => spec.containers)) {
    if (args[0] !== 'secrets' || args[1] === 'remove') continue
    for (const [index, word] of args.entries()) if (word === '--secret') made.add(args[index + 1] ?? '')
  }
  const needed = new Map<string, SecretUse>()
  for (const use of uses) {
    if (made.has(use.name)) continue
    const known = needed.get(use.name)
    needed.set(use.name, known === undefined ? use : { ...known, keys: [...new Set([...known.keys, ...use.keys])] })
  }
  return [...needed.values()]
}
