import type { Cluster } from '../src/cluster.ts'

const served: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: { Service: 'services', Secret: 'secrets', PersistentVolumeClaim: 'persistentvolumeclaims' },
  'apps/v1': { Deployment: 'deployments', StatefulSet: 'statefulsets' },
  'batch/v1': { Job: 'jobs' },
}

/** A cluster that lacks nothing, except for what a test takes away. */
export const fakeCluster = (other: Partial<Cluster> = {}): Cluster => ({
  server: 'https://fake',
  version: async () => 'v1.34.4',
  may: async () => true,
  resources: async (apiVersion) => {
    const kinds = served[apiVersion]
    return kinds && new Map(Object.entries(kinds))
  },
  storageClasses: async () => [{ name: 'standard', isDefault: true }],
  namespaceLabels: async () => ({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
  secretKeys: async () => undefined,
  quotas: async () => [],
  containerMaxima: async () => ({}),
  nodes: async () => [
    {
      name: 'a',
      kubeletVersion: 'v1.34.4',
      images: ['registry.example/library/nats:2.15', 'registry.example/armature/reactor:0.1.0'],
    },
  ],
  dnsEndpoints: async () => 2,
  daemonSets: async () => ['calico-node'],
  loadBalancers: async () => ({ served: [], waiting: [] }),
  ...other,
})
