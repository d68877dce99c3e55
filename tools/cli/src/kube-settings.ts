import { text } from '@armature/config/settings'
import { durationMsOf } from '@armature/messaging-commands/duration'
import { durationText } from '@armature/messaging-commands/duration-settings'
import * as z from 'zod'

/** A name of an object of Kubernetes: a DNS subdomain (RFC 1123). */
export const objectName = () =>
  text()
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, { error: 'is not a name of Kubernetes' })
    .meta({ accepts: 'a name of small letters, digits, dashes and dots' })

/** The cluster that a command speaks to, as kubectl finds it. */
export const kubeSettings = {
  kubeconfig: text().optional().meta({
    description:
      'kubeconfig file, or several with a colon between (none = ~/.kube/config, in a pod its service account)',
    env: 'KUBECONFIG',
  }),
  context: text()
    .optional()
    .meta({ description: 'Context of the kubeconfig (none = its current one)', env: 'KUBE_CONTEXT' }),
}

/** How long a command may take, `--timeout`. */
export const timeoutSetting = (defaultValue: string, env: string) =>
  durationText().default(defaultValue).meta({ description: 'How long the command may take', env })

/** The milliseconds of a duration that its setting has checked. */
export const msOf = (duration: string): number => durationMsOf(duration) ?? 0

/** `NAME=VALUE` as its two halves; undefined where there is no name. */
export const pairOf = (pair: string): readonly [name: string, value: string] | undefined => {
  const equals = pair.indexOf('=')
  return equals < 1 ? undefined : [pair.slice(0, equals), pair.slice(equals + 1)]
}

/** The namespace of a command. */
export const namespaceSetting = (env: string) =>
  z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { error: 'is not a name of a namespace' })
    .meta({ description: 'Namespace', short: 'n', env, accepts: 'a name of small letters, digits and dashes' })
