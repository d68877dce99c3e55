import * as z from 'zod'
import type { Chart } from './chart.ts'
import { canScaleOthers, configDefaults, isCalled } from './config-values.ts'
import { metricsValues, networkValues } from './network-values.ts'
import {
  endingValues,
  extensionValues,
  imageValues,
  probeValues,
  schedulingValues,
  securityValues,
} from './pod-values.ts'
import {
  autoscalingValues,
  disruptionValues,
  globalValues,
  logShippingValues,
  namingValues,
  replicaValues,
  resourceValues,
  serviceValues,
} from './release-values.ts'
import { group, text, texts } from './value-kinds.ts'

/** A value that stands in values.yaml, or may be given. */
export type Values = z.ZodObject

/**
 * The values of a chart as a schema with defaults and descriptions. values.yaml, values.schema.json and the table in the README all follow
 * from it.
 */
export const chartValues = (chart: Chart): Values => {
  const { facts, settings, memory, shipperMemory } = chart
  const onNodes = facts.runsOn === 'node'
  const canScale = !onNodes && facts.maxReplicaCount === undefined
  return z.strictObject({
    enabled: z.boolean().optional().meta({ description: 'Read by a chart that has this one as a dependency' }),
    global: globalValues(),
    image: imageValues(`armature/${facts.name}`),
    ...namingValues(),
    config: configValues(chart),
    configFiles: texts('Files beside config.json, by name, for settings that name one: /etc/armature/config/NAME'),
    secrets: secretValues(chart),
    bindings: z
      .array(z.string())
      .default(['consul', 'graphite'])
      .meta({ description: 'Backends whose ConfigMap RELEASE-BACKEND, if it is there, gives addresses as variables' }),
    ...(onNodes
      ? { nodeFolders: nodeFolders() }
      : { stateSizeLimit: text('Largest size of what the app keeps over a restart of its container', '64Mi') }),
    ...replicaValues(facts),
    ...(canScale ? { autoscaling: autoscalingValues() } : {}),
    ...(onNodes ? {} : { pdb: disruptionValues() }),
    resources: resourceValues(facts, memory),
    ...endingValues(isCalled(settings)),
    ...probeValues(),
    ...(onNodes ? {} : { logShipping: logShippingValues(facts.name, shipperMemory) }),
    service: serviceValues(),
    networkPolicy: networkValues(facts, canScaleOthers(settings)),
    metrics: metricsValues(),
    ...securityValues(facts, canScaleOthers(settings)),
    ...schedulingValues(facts),
    ...extensionValues(),
  })
}

/** The settings of the app. Those that the chart does not set have the app's own defaults. */
const configValues = (chart: Chart) => {
  const defaults = configDefaults(chart)
  const shape = chart.settings.plain.map(({ key, description }) => {
    const value = key in defaults ? z.unknown().default(defaults[key]) : z.unknown().optional()
    return [key, value.meta({ description })] as const
  })
  return group(
    'Settings of the app, by their names; texts are templates. README.md lists them all',
    Object.fromEntries(shape),
  )
}

const secretValues = ({ settings }: Chart) =>
  group(
    'Settings that are secret, each by the name of a Secret and a key in it',
    Object.fromEntries(
      settings.secrets.map(({ setting: { key, description } }) => [
        key,
        group(description, {
          existingSecret: text('Name of the Secret; a template'),
          key: text('Key in the Secret; a template', key.endsWith('Url') ? 'url' : key),
        }),
      ]),
    ),
  )

const nodeFolders = () =>
  group('Folders of the node', {
    logs: text('Where log files are; read only', '/var/log'),
    state: text('Where the spool is kept over the life of a pod', '/var/lib/armature'),
  })
