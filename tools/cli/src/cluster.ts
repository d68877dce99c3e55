/** A right to ask for. */
export interface Right {
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  readonly resource: string
}

export interface StorageClass {
  readonly name: string
  readonly isDefault: boolean
}

export interface Quota {
  readonly name: string
  /** Quantities by name of the resource, as the API writes them: `requests.cpu: 2`. */
  readonly hard: Readonly<Record<string, string>>
  readonly used: Readonly<Record<string, string>>
}

export interface ClusterNode {
  readonly name: string
  readonly kubeletVersion: string
  /** Names of images that the node has. A kubelet reports its 50 largest at most. */
  readonly images: readonly string[]
}

/** What a diagnosis asks a cluster for. Each method rejects with what the client throws, also where the user may not ask. */
export interface Cluster {
  /** The URL of the API server. */
  readonly server: string
  /** Such as `v1.34.4`. */
  version(): Promise<string>
  /** Whether this user has the right in the namespace. */
  may(right: Right): Promise<boolean>
  /** The resources of an API by kind, `Kafka: kafkas`; undefined when the cluster does not serve it. */
  resources(apiVersion: string): Promise<ReadonlyMap<string, string> | undefined>
  storageClasses(): Promise<readonly StorageClass[]>
  /** Labels of the namespace. Undefined when it is not there. */
  namespaceLabels(): Promise<Readonly<Record<string, string>> | undefined>
  /** The keys of a Secret of the namespace that have a value. Undefined when it is not there. */
  secretKeys(name: string): Promise<ReadonlySet<string> | undefined>
  quotas(): Promise<readonly Quota[]>
  /** The largest limit or request of a container by resource, where a LimitRange sets one. */
  containerMaxima(): Promise<Readonly<Record<string, string>>>
  nodes(): Promise<readonly ClusterNode[]>
  /** Pods of the cluster's DNS that are ready. Undefined where it is not a Service of the cluster. */
  dnsEndpoints(): Promise<number | undefined>
  /** Names of the DaemonSets of all namespaces. */
  daemonSets(): Promise<readonly string[]>
  /** Names of Services of type LoadBalancer that have an address, and of those that wait for one. */
  loadBalancers(): Promise<{ readonly served: readonly string[]; readonly waiting: readonly string[] }>
}
