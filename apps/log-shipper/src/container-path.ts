/** Whose output a log of Kubernetes is. */
export interface Container {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

const name = '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?'
/** `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`, a link that the kubelet makes; the id is that of the container. */
const link = new RegExp(`/containers/(?<pod>${name})_(?<namespace>${name})_(?<container>${name})-[0-9a-f]{64}\\.log$`)
/** `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`; a rotated one has its time behind that. */
const file = new RegExp(
  `/pods/(?<namespace>${name})_(?<pod>${name})_[0-9a-f-]{32,36}/(?<container>${name})/\\d+\\.log(?:\\.[\\d-]+)?$`,
)

/** The container that a path names as Kubernetes does, below whatever folder; undefined for another path. */
export const containerOf = (path: string): Container | undefined => {
  const { namespace, pod, container } = (link.exec(path) ?? file.exec(path))?.groups ?? {}
  return namespace === undefined || pod === undefined || container === undefined
    ? undefined
    : { namespace, pod, container }
}
