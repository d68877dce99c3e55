import * as z from 'zod'
import type { ChartFacts } from './chart-facts.ts'
import { flag, group, kubernetesList, kubernetesObject, text, texts, whole } from './value-kinds.ts'

/** How an image is named. */
export const imageValues = (repository: string) =>
  group('The image; global.imageRegistry stands before its repository', {
    repository: text('Repository of the image', repository),
    tag: text('Tag (empty = appVersion of the chart)'),
    digest: text('Digest, sha256:...; it is used instead of the tag'),
    pullPolicy: z
      .enum(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent')
      .meta({ description: 'When the image is pulled' }),
  })

/** What a pod is made of beside the app. */
export const extensionValues = () => ({
  extraEnvVars: kubernetesList('Further environment variables of the app'),
  extraVolumes: kubernetesList('Further volumes of the pod'),
  extraVolumeMounts: kubernetesList("Further mounts of the app's container"),
  initContainers: kubernetesList('Init containers'),
  sidecars: kubernetesList('Further containers of the pod'),
  lifecycleHooks: kubernetesObject("Hooks of the app's container; they replace the sleep of preStopSleepSeconds"),
  extraObjects: z
    .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
    .default([])
    .meta({ description: 'Further objects of the release; their texts are templates' }),
})

const probe = (what: string, timing: Record<string, number>) => kubernetesObject(what, timing)

/** When a pod counts as started, alive and ready. */
export const probeValues = () => ({
  startupProbe: probe('Startup: /livez answers. A handler of its own replaces that', {
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: 300,
  }),
  livenessProbe: probe('Liveness: /livez answers, whatever its backends do', {
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  }),
  readinessProbe: probe('Readiness: gRPC health where the app serves gRPC without TLS, else /readyz', {
    periodSeconds: 3,
    timeoutSeconds: 2,
    failureThreshold: 2,
  }),
})

const restricted = { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 }
/** Log files of containers belong to root, which needs no capability to read its own. */
const nodeReader = { runAsUser: 0 }

/** As whom a pod runs and what it may do. */
export const securityValues = ({ runsOn }: ChartFacts, canScaleOthers: boolean) => ({
  podSecurityContext: kubernetesObject(
    runsOn === 'node'
      ? 'Security context of the pod: root, who owns the log files'
      : 'Security context of the pod: as the Pod Security Standard restricted asks',
    { ...(runsOn === 'node' ? nodeReader : restricted), seccompProfile: { type: 'RuntimeDefault' } },
  ),
  containerSecurityContext: kubernetesObject("Security context of the app's container", {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  serviceAccount: group(
    canScaleOthers
      ? 'The service account. A pod has its token only where config.scaleAllow names something'
      : 'The service account. Neither it nor a pod has a token',
    {
      create: flag('Make a service account', true),
      name: text('Its name (empty = that of the release)'),
      annotations: texts('Its annotations'),
    },
  ),
})

/** Where pods run. */
export const schedulingValues = ({ runsOn }: ChartFacts) => ({
  nodeSelector: texts('Labels of the nodes for the pods'),
  tolerations: kubernetesList('Taints that the pods tolerate', runsOn === 'node' ? [{ operator: 'Exists' }] : []),
  affinity: kubernetesObject('Affinity of the pods'),
  topologySpreadConstraints: kubernetesList(
    runsOn === 'node'
      ? 'How pods are spread; a pod for each node needs none'
      : 'How pods are spread (empty = over zones and nodes, as far as it can be done)',
  ),
  priorityClassName: text('Priority class of the pods'),
})

/** How a pod ends. Each bound is in seconds. */
export const endingValues = (isCalled: boolean) => ({
  preStopSleepSeconds: whole(
    'Seconds that a pod goes on serving after it was told to end, so that clients forget it first',
    isCalled ? 5 : 0,
    { max: 600 },
  ),
  terminationGracePeriodSeconds: whole(
    'Seconds after which a pod is killed (0 = preStopSleepSeconds, config.drainDeadlineMs and 5 s more); less is refused',
    0,
    { max: 86_400 },
  ),
})
