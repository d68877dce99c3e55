import type { V1PodSpec } from '@kubernetes/client-node'
import { placesOf } from './secret-plan.ts'

/** A Secret that must be there before a pod starts. */
export interface SecretUse {
  readonly name: string
  readonly keys: readonly string[]
  /** Who needs it: `Deployment shop-reactor`. */
  readonly by: string
}

/** The Secrets of a pod that are not optional: of variables, volumes and image pulls, and those that `armature secrets copy` reads. */
export const secretsOfPod = (by: string, spec: V1PodSpec): readonly SecretUse[] => {
  const found: SecretUse[] = []
  const use = (name: string | undefined, keys: readonly (string | undefined)[], optional?: boolean) => {
    if (name === undefined || optional === true) return
    found.push({ name, keys: keys.flatMap((key) => key ?? []), by })
  }
  for (const { env = [], envFrom = [], args = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const { valueFrom } of env) {
      const ref = valueFrom?.secretKeyRef
      use(ref?.name, [ref?.key], ref?.optional)
    }
    for (const { secretRef } of envFrom) use(secretRef?.name, [], secretRef?.optional)
    if (args[0] === 'secrets' && args[1] === 'copy') use(args[args.indexOf('--from') + 1], keysOfTemplates(args))
  }
  for (const { secret, projected } of spec.volumes ?? []) {
    use(
      secret?.secretName,
      (secret?.items ?? []).map(({ key }) => key),
      secret?.optional,
    )
    for (const source of projected?.sources ?? []) {
      use(
        source.secret?.name,
        (source.secret?.items ?? []).map(({ key }) => key),
        source.secret?.optional,
      )
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) use(name, ['.dockerconfigjson'])
  return found
}

const keysOfTemplates = (args: readonly string[]): readonly string[] =>
  args.flatMap((word, index) => (args[index - 1] === '--set' ? placesOf(word) : []))
