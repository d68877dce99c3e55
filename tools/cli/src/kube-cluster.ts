import type { Cluster } from './cluster.ts'
import type { Kube } from './kube.ts'
import { kubeSecret } from './kube-secret.ts'
import { kubeFaultOf } from './kube-fault.ts'

const defaultClass = 'storageclass.kubernetes.io/is-default-class'

/** The cluster by its API, as far as an install into this namespace is concerned. */
export const kubeCluster = (kube: Kube, namespace: string): Cluster => {
  const { library } = kube
  const core = kube.api(library.CoreV1Api)
  const absentIs = async <Result>(call: Promise<Result>): Promise<Result | undefined> => {
    try {
      return await call
    } catch (error) {
      if (kubeFaultOf(error)?.status === 404) return undefined
      throw error
    }
  }
  return {
    server: kube.server,
    version: async () => (await kube.api(library.VersionApi).getCode()).gitVersion,
    may: async ({ verb, group, resource }) => {
      const body = { spec: { resourceAttributes: { namespace, verb, group, resource } } }
      const { status } = await kube.api(library.AuthorizationV1Api).createSelfSubjectAccessReview({ body })
      return status?.allowed === true
    },
    resources: async (apiVersion) => {
      const [group = '', version = ''] = apiVersion.split('/')
      const asked =
        version === '' ? core.getAPIResources() : kube.api(library.CustomObjectsApi).getAPIResources({ group, version })
      const found = await absentIs(asked)
      const whole = (found?.resources ?? []).filter(({ name }) => !name.includes('/'))
      return found && new Map(whole.map(({ kind, name }) => [kind, name]))
    },
    storageClasses: async () => {
      const { items } = await kube.api(library.StorageV1Api).listStorageClass()
      return items.map(({ metadata }) => ({
        name: metadata?.name ?? '',
        isDefault: metadata?.annotations?.[defaultClass] === 'true',
      }))
    },
    namespaceLabels: async () => {
      const found = await absentIs(core.readNamespace({ name: namespace }))
      return found && (found.metadata?.labels ?? {})
    },
    secretKeys: (name) => kubeSecret(kube, { namespace, name }).keys(),
    quotas: async () => {
      const { items } = await core.listNamespacedResourceQuota({ namespace })
      return items.map(({ metadata, status }) => ({
        name: metadata?.name ?? '',
        hard: status?.hard ?? {},
        used: status?.used ?? {},
      }))
    },
    containerMaxima: async () => {
      const { items } = await core.listNamespacedLimitRange({ namespace })
      const limits = items.flatMap(({ spec }) => spec?.limits ?? []).filter(({ type }) => type === 'Container')
      return Object.assign({}, ...limits.map(({ max }) => max ?? {})) as Record<string, string>
    },
    nodes: async () => {
      const { items } = await core.listNode()
      return items.map(({ metadata, status }) => ({
        name: metadata?.name ?? '',
        kubeletVersion: status?.nodeInfo?.kubeletVersion ?? '',
        images: (status?.images ?? []).flatMap(({ names }) => names ?? []),
      }))
    },
    dnsEndpoints: async () => {
      const labelSelector = 'kubernetes.io/service-name=kube-dns'
      const { items } = await kube
        .api(library.DiscoveryV1Api)
        .listNamespacedEndpointSlice({ namespace: 'kube-system', labelSelector })
      if (items.length === 0) return undefined
      const endpoints = items.flatMap((slice) => slice.endpoints ?? [])
      return endpoints.filter(({ conditions }) => conditions?.ready !== false).length
    },
    daemonSets: async () => {
      const { items } = await kube.api(library.AppsV1Api).listDaemonSetForAllNamespaces()
      return items.map(({ metadata }) => metadata?.name ?? '')
    },
    loadBalancers: async () => {
      const { items } = await core.listServiceForAllNamespaces()
      const balanced = items.filter(({ spec }) => spec?.type === 'LoadBalancer')
      const named = (served: boolean) =>
        balanced
          .filter(({ status }) => (status?.loadBalancer?.ingress ?? []).length > 0 === served)
          .map(({ metadata }) => metadata?.name ?? '')
      return { served: named(true), waiting: named(false) }
    },
  }
}
