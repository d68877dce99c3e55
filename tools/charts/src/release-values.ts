import * as z from 'zod'
import type { ChartFacts } from './chart-facts.ts'
import type { MeasuredMemory } from './measured-memory.ts'
import { memoryOf } from './measured-memory.ts'
import { imageValues } from './pod-values.ts'
import { flag, group, kubernetesList, kubernetesObject, text, texts, whole } from './value-kinds.ts'

/** The values that all charts of a release share. Others may add keys of their own. */
export const globalValues = () =>
  z
    .looseObject({
      imageRegistry: text('Registry of all images, such as registry.example:5000'),
      imagePullSecrets: z
        .array(z.union([z.string(), z.strictObject({ name: z.string() })]))
        .default([])
        .meta({ description: 'Pull secrets of all pods, by name' }),
      clusterDomain: text('Domain of the cluster', 'cluster.local'),
      partOf: text('The label app.kubernetes.io/part-of', 'armature'),
    })
    .prefault({})
    .meta({ description: 'Values for all charts of a release' })

/** What objects are called and labelled. */
export const namingValues = () => ({
  imagePullSecrets: z
    .array(z.union([z.string(), z.strictObject({ name: z.string() })]))
    .default([])
    .meta({ description: 'Pull secrets beside those of global' }),
  nameOverride: text('Name of the app in labels and names (empty = that of the chart)'),
  fullnameOverride: text('Name of all objects (empty = RELEASE-APP)'),
  commonLabels: texts('Labels of all objects'),
  podLabels: texts('Labels of the pods'),
  podAnnotations: texts('Annotations of the pods'),
})

/** How many pods, and how they are replaced. */
export const replicaValues = ({ runsOn, replicaCount, maxReplicaCount: max }: ChartFacts) =>
  runsOn === 'node'
    ? {
        updateStrategy: kubernetesObject('How pods are replaced', {
          type: 'RollingUpdate',
          rollingUpdate: { maxUnavailable: 1 },
        }),
      }
    : {
        replicaCount: whole(
          max === undefined
            ? 'Number of pods, where no autoscaler sets it'
            : `Number of pods, at most ${max}: they cannot share the work`,
          replicaCount,
          max === undefined ? {} : { max },
        ),
        updateStrategy: kubernetesObject('How pods are replaced: a new one is ready before an old one ends', {
          type: 'RollingUpdate',
          rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
        }),
      }

/** The resources of the app's container. There is no limit of CPU: it would slow a start and a burst down. */
export const resourceValues = ({ cpuRequest }: ChartFacts, measured: MeasuredMemory) => {
  const memory = memoryOf(measured)
  return kubernetesObject("Resources of the app's container: memory is what was measured, and half as much again", {
    requests: { cpu: cpuRequest, memory: memory.request },
    limits: { memory: memory.limit },
  })
}

/** How pods are found. */
export const serviceValues = () =>
  group('The Service', {
    type: z
      .enum(['ClusterIP', 'NodePort', 'LoadBalancer'])
      .default('ClusterIP')
      .meta({ description: 'Type of the Service' }),
    annotations: texts('Its annotations'),
    // Helm gives the values of the library chart, which is called service too, its globals here.
    global: z.record(z.string(), z.unknown()).optional().meta({ description: 'Set by Helm' }),
  })

/** How many pods a drain of nodes may take. */
export const disruptionValues = () =>
  group('The PodDisruptionBudget', {
    enabled: flag('Make one', true),
    minAvailable: z
      .union([z.int(), z.string()])
      .default('')
      .meta({ description: 'Least number or share of pods that stay; it is used instead of maxUnavailable' }),
    maxUnavailable: z
      .union([z.int(), z.string()])
      .default(1)
      .meta({ description: 'Most pods that a drain of nodes may take at once' }),
  })

/** Autoscaling by the HPA or by KEDA, not by both. */
export const autoscalingValues = () =>
  group('Autoscaling: hpa or keda, not both', {
    hpa: group('By a HorizontalPodAutoscaler', {
      enabled: flag('Make one', false),
      minReplicas: whole('Least number of pods', 2, { min: 1 }),
      maxReplicas: whole('Most pods', 10, { min: 1 }),
      targetCPUUtilizationPercentage: whole('CPU in percent of the request that pods are held at (0 = not by CPU)', 70),
      targetMemoryUtilizationPercentage: whole(
        'Memory in percent of the request that pods are held at (0 = not by memory)',
        0,
      ),
      metrics: kubernetesList('Further metrics'),
      behavior: kubernetesObject('How fast it scales'),
    }),
    keda: group('By a ScaledObject of KEDA, which must be installed', {
      enabled: flag('Make one', false),
      minReplicaCount: whole('Least number of pods', 1),
      maxReplicaCount: whole('Most pods; no more than partitions have any work', 10, { min: 1 }),
      pollingInterval: whole('Seconds between two looks at the triggers', 30, { min: 1 }),
      cooldownPeriod: whole('Seconds after the last event before it scales to 0', 300),
      fallback: kubernetesObject('Replicas while the triggers cannot be read', { failureThreshold: 3, replicas: 2 }),
      triggers: kubernetesList('What it scales by, such as the lag of a group (type kafka); texts are templates'),
    }),
  })

/** Log lines through the log shipper. */
export const logShippingValues = (app: string, shipper: MeasuredMemory) => {
  const memory = memoryOf(shipper)
  return group('How log lines leave the pod', {
    mode: z.enum(['none', 'wrap']).default('none').meta({
      description:
        'none: to standard output alone. wrap: the app is a child of the log shipper, which ships them to a topic, too',
    }),
    topic: text('Topic of the lines', `logs.${app}`),
    image: imageValues('armature/log-shipper'),
    secret: group('The Secret with the URL of the broker for the lines', {
      existingSecret: text('Name of the Secret'),
      key: text('Key of the URL', 'url'),
    }),
    spoolMaxBytes: whole('Largest size of the spool in bytes; it outlives a crash of the container', 64 * 1024 * 1024, {
      min: 8 * 1024 * 1024,
    }),
    httpPort: whole('Port of the admin HTTP server of the log shipper', 8081, { min: 1, max: 65_535 }),
    extraArgs: z
      .array(z.string())
      .default([])
      .meta({ description: 'Further flags of the log shipper, such as --redact=tokens' }),
    resources: kubernetesObject("Resources of the log shipper, which are added to those of the app's container", {
      requests: { cpu: '20m', memory: memory.request },
      limits: { memory: memory.limit },
    }),
  })
}
