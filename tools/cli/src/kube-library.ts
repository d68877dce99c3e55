// What the commands take of the client of Kubernetes. Named one by one, so that a bundle leaves out the rest, which is more than half.
export {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  createConfiguration,
  CustomObjectsApi,
  DiscoveryV1Api,
  KubeConfig,
  loadAllYaml,
  ServerConfiguration,
  StorageV1Api,
  VersionApi,
} from '@kubernetes/client-node'
