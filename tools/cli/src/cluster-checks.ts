import { fail, ok, warn, type Check } from './finding.ts'

const leastMinor = 30

/** The sleep of preStop and native probes of gRPC need this version. */
export const checkVersion: Check = async ({ cluster }) => {
  const version = await cluster.version()
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  const enough = Number(major) > 1 || (Number(major) === 1 && Number(minor) >= leastMinor)
  if (enough) return ok(`Kubernetes ${version} at ${cluster.server}`)
  return fail(`Kubernetes ${version} is too old`, `Upgrade the cluster to 1.${leastMinor} or newer`)
}

export const checkDns: Check = async ({ cluster }) => {
  const endpoints = await cluster.dnsEndpoints()
  if (endpoints === undefined) {
    return warn(
      'there is no Service kube-dns in kube-system; DNS outside the cluster cannot be seen',
      'Ask who runs the cluster. Without DNS no pod finds another by its name',
    )
  }
  if (endpoints > 0) return ok(`the Service kube-dns has ${endpoints} endpoints that are ready`)
  return fail(
    'the Service kube-dns in kube-system has no endpoint that is ready: no pod finds another by its name',
    'Look at its pods: `kubectl -n kube-system get pods,endpointslices`',
  )
}

/** Programs that put NetworkPolicies into force, by the name of their DaemonSet. */
const enforcers = /calico-node|cilium|kube-router|weave-net|antrea-agent|ovnkube-node|kindnet|canal|azure-npm/

/** A cluster does not say whether it enforces policies, so only programs that are known to do it are looked for. */
export const checkNetworkPolicies: Check = async ({ cluster }) => {
  const found = (await cluster.daemonSets()).find((name) => enforcers.test(name))
  if (found !== undefined) return ok(`the DaemonSet ${found} can enforce NetworkPolicies`)
  const nodes = await cluster.nodes()
  if (nodes.some(({ kubeletVersion }) => kubeletVersion.includes('+k3s'))) return ok('k3s enforces NetworkPolicies')
  return warn(
    'no program that is known to enforce NetworkPolicies was seen; one outside the cluster cannot be seen',
    'Ask who runs the cluster. Without one the policies are stored and every pod reaches every other: install Calico or Cilium',
  )
}
