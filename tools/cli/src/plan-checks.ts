import { fail, ok, warn, type PlanCheck } from './finding.ts'
import { quantityOf, showQuantity } from './quantity.ts'

const listed = (names: readonly string[], most = 5): string =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '')

/** Who brings an API that Kubernetes does not have itself. */
const providers: Readonly<Record<string, string>> = {
  'kafka.strimzi.io': 'Install the operator Strimzi, or set backends.kafka.mode to another one',
  'postgresql.cnpg.io': 'Install the operator CloudNativePG, or set backends.postgres.mode to another one',
  'rabbitmq.com': 'Install the RabbitMQ Cluster Operator, or set backends.rabbitmq.mode to another one',
  'opensearch.org': 'Install the OpenSearch Kubernetes Operator, or set backends.opensearch.mode to another one',
  'opensearch.opster.io': 'Install the OpenSearch Kubernetes Operator, or set backends.opensearch.mode to another one',
  'monitoring.coreos.com': 'Install the Prometheus Operator, or set metrics.serviceMonitor.enabled to false',
  'keda.sh': 'Install KEDA, or use autoscaling.hpa',
}

/** That the cluster serves every kind that is made: those of operators come with their CRDs. */
export const checkKinds: PlanCheck = async ({ cluster, plan }) => {
  const missing: string[] = []
  for (const [apiVersion, kinds] of plan.kinds) {
    const served = await cluster.resources(apiVersion)
    missing.push(...[...kinds].filter((kind) => served?.has(kind) !== true).map((kind) => `${apiVersion} ${kind}`))
  }
  if (missing.length === 0) return ok(`the cluster serves all ${plan.kinds.size} APIs that are used`)
  const fixes = missing.map((one) => providers[one.split('/')[0] ?? ''] ?? `Install what brings ${one}`)
  return fail(`the cluster does not serve ${listed(missing)}`, [...new Set(fixes)].join('. '))
}

/** That this user may make every kind. Kinds that are not served are left to `checkKinds`. */
export const checkRights: PlanCheck = async ({ cluster, namespace, plan }) => {
  const refused: string[] = []
  let asked = 0
  for (const [apiVersion, kinds] of plan.kinds) {
    const served = await cluster.resources(apiVersion)
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
    for (const resource of [...kinds].flatMap((kind) => served?.get(kind) ?? [])) {
      asked += 1
      const right = { verb: 'create', group, resource }
      if (!(await cluster.may(right))) refused.push(group === '' ? resource : `${resource}.${group}`)
    }
  }
  if (refused.length === 0) return ok(`this user may make all ${asked} kinds of objects in the namespace ${namespace}`)
  return fail(
    `this user may not create ${listed(refused)} in the namespace ${namespace}`,
    `Give the user the role admin there: \`kubectl create rolebinding admin -n ${namespace} --clusterrole admin --user USER\``,
  )
}

export const checkStorage: PlanCheck = async ({ cluster, plan }) => {
  if (plan.storageClasses.size === 0) return ok('no volume is claimed')
  const classes = await cluster.storageClasses()
  const named = [...plan.storageClasses].flatMap((name) => name ?? [])
  const unknown = named.filter((name) => !classes.some((one) => one.name === name))
  const known = listed(classes.map(({ name }) => name)) || 'none'
  if (unknown.length > 0) {
    return fail(
      `there is no StorageClass ${listed(unknown)}`,
      `Set persistence.storageClass to one that is there (${known}), or make it`,
    )
  }
  const standard = classes.find(({ isDefault }) => isDefault)
  if (plan.storageClasses.has(undefined) && standard === undefined) {
    return fail(
      'there is no default StorageClass, and a claim names none',
      `Set persistence.storageClass (there are: ${known}), or mark one: \`kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true\``,
    )
  }
  return ok(
    `the volumes are of the StorageClass ${listed([...named, ...(plan.storageClasses.has(undefined) ? [standard?.name ?? ''] : [])])}`,
  )
}

export const checkSecrets: PlanCheck = async ({ cluster, namespace, plan }) => {
  const faults: string[] = []
  const fixes: string[] = []
  for (const { name, keys, by } of plan.secrets) {
    const found = await cluster.secretKeys(name)
    const missing = keys.filter((key) => found?.has(key) !== true)
    if (found !== undefined && missing.length === 0) continue
    if (found === undefined) {
      faults.push(`there is no Secret ${name}, which ${by} needs`)
      const literals = keys.map((key) => ` --from-literal=${key}=...`).join('')
      fixes.push(`\`kubectl -n ${namespace} create secret generic ${name}${literals}\``)
    } else {
      faults.push(`the Secret ${name} lacks ${listed(missing)}, which ${by} needs`)
      fixes.push(`\`kubectl -n ${namespace} edit secret ${name}\``)
    }
  }
  if (faults.length > 0) return fail(listed(faults), `Run ${listed(fixes)}`)
  return ok(
    plan.secrets.length === 0
      ? 'no Secret must be there before'
      : `all ${plan.secrets.length} Secrets are there, with their keys`,
  )
}

/**
 * Whether an image of a node, which is named in full, is this one: `nats:2.15` is `library/nats:2.15` of the registry that the runtime takes for a name
 * without one, whichever that is.
 */
const isImage = (image: string, onNode: string): boolean => {
  const [first = '', ...rest] = image.split('/')
  const tagged = /@|:[^/]+$/.test(image) ? image : `${image}:latest`
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  if (hasRegistry) return onNode === tagged
  return onNode.slice(onNode.indexOf('/') + 1) === (rest.length === 0 ? `library/${tagged}` : tagged)
}

/** No pull is tried. A node says which images it has, the 50 largest at most, and not which it could pull. */
export const checkImages: PlanCheck = async ({ cluster, plan }) => {
  const nodes = await cluster.nodes()
  const { images } = plan
  const isOn = (image: string, onNode: readonly string[]) => onNode.some((name) => isImage(image, name))
  const missing = images.filter((image) => !nodes.every((node) => isOn(image, node.images)))
  if (missing.length === 0)
    return ok(`all ${images.length} images are on ${nodes.length === 1 ? 'the node' : `all ${nodes.length} nodes`}`)
  return warn(
    `${missing.length} of ${images.length} images are not seen on every node, which must pull them: ${listed(missing)}. Whether it can is not known`,
    'Load them into the nodes, or see that global.imageRegistry and global.imagePullSecrets name a registry that has them',
  )
}

export const checkQuota: PlanCheck = async ({ cluster, plan }) => {
  const faults: string[] = []
  for (const { name, hard, used } of await cluster.quotas()) {
    for (const [key, limit] of Object.entries(hard)) {
      // `cpu` and `memory` of a quota are its requests.
      const resource = /^(cpu|memory)$/.test(key) ? `requests.${key}` : key
      const wanted = plan.totals[resource] ?? 0
      const left = quantityOf(limit) - quantityOf(used[key])
      if (wanted <= left) continue
      faults.push(
        `${name} leaves ${showQuantity(resource, left)} of ${resource}, ${showQuantity(resource, wanted)} are needed`,
      )
    }
  }
  const maxima = Object.entries(await cluster.containerMaxima())
  for (const [resource, limit] of maxima) {
    const wanted = plan.largest[resource] ?? 0
    if (wanted <= quantityOf(limit)) continue
    faults.push(`a LimitRange gives a container ${limit} of ${resource}, ${showQuantity(resource, wanted)} are needed`)
  }
  if (faults.length > 0)
    return fail(listed(faults), 'Raise the quota or the LimitRange, or lower replicas and resources in the values')
  const { 'requests.cpu': cpu = 0, 'requests.memory': memory = 0, pods = 0 } = plan.totals
  return ok(
    `${pods} pods request ${showQuantity('cpu', cpu)} cores and ${showQuantity('memory', memory)}, which no quota forbids`,
  )
}

const level = 'pod-security.kubernetes.io/enforce'

export const checkPodSecurity: PlanCheck = async ({ cluster, namespace, plan }) => {
  const labels = await cluster.namespaceLabels()
  const label = `\`kubectl label namespace ${namespace} ${level}=restricted\``
  if (labels === undefined) {
    return warn(
      `there is no namespace ${namespace} yet`,
      `Run \`kubectl create namespace ${namespace}\`, then ${label}`,
    )
  }
  const enforced = labels[level]
  if (plan.unrestricted.length > 0) {
    const what = `${listed(plan.unrestricted)} uses folders or the network of its node`
    if (enforced === 'restricted' || enforced === 'baseline') {
      return fail(
        `the namespace enforces ${enforced}, and ${what}`,
        'Turn it off, or install it into a namespace that enforces privileged',
      )
    }
    return warn(`${what}`, 'Turn it off where the namespace could enforce restricted')
  }
  if (enforced === 'restricted') return ok(`the namespace ${namespace} enforces restricted`)
  return warn(
    `the namespace ${namespace} enforces ${enforced ?? 'no Pod Security Standard'}, and all pods are restricted`,
    `Run ${label}`,
  )
}

/** A cluster does not say whether it has load balancers, so those of other Services are looked at. */
export const checkLoadBalancers: PlanCheck = async ({ cluster, plan }) => {
  if (plan.loadBalancers.length === 0) return ok('no Service wants a load balancer')
  const { served, waiting } = await cluster.loadBalancers()
  if (served.length > 0) return ok(`the cluster gives addresses to load balancers, as to ${served[0]}`)
  const said = `${listed(plan.loadBalancers)} wants a load balancer, and no Service has the address of one`
  const fix = 'Set service.type to ClusterIP or NodePort, or install a load balancer such as MetalLB'
  return waiting.length > 0 ? fail(`${said}; ${listed(waiting)} waits`, fix) : warn(said, fix)
}
