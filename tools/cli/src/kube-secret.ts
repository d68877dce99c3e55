import type { TargetSecret } from './copy-secret.ts'
import type { SecretStore } from './ensure-secret.ts'
import type { Kube } from './kube.ts'
import { kubeError, kubeFaultOf } from './kube-fault.ts'

export interface SecretPlace {
  readonly namespace: string
  readonly name: string
}

/** A Secret of the cluster. Its methods reject with what the client throws; an error that shows a value never leaves `create` and `replace`. */
export interface KubeSecret extends SecretStore, TargetSecret {
  remove(): Promise<'removed' | 'absent'>
}

export const kubeSecret = (
  kube: Kube,
  { namespace, name }: SecretPlace,
  labels: Readonly<Record<string, string>> = {},
): KubeSecret => {
  const api = kube.api(kube.library.CoreV1Api)
  const unless = async <Result, Instead>(status: number, instead: Instead, call: Promise<Result>) => {
    try {
      return await call
    } catch (error) {
      if (kubeFaultOf(error)?.status === status) return instead
      throw error
    }
  }
  const read = () => unless(404, undefined, api.readNamespacedSecret({ namespace, name }))
  return {
    place: `${namespace}/${name}`,
    keys: async () => {
      const secret = await read()
      if (secret === undefined) return undefined
      return new Set(Object.entries(secret.data ?? {}).flatMap(([key, value]) => (value === '' ? [] : [key])))
    },
    create: async (values) => {
      const metadata = { name, namespace, labels: { ...labels } }
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        type: 'Opaque',
        stringData: Object.fromEntries(values),
      }
      return hiding(values, async () => {
        const made = await unless(409, undefined, api.createNamespacedSecret({ namespace, body }))
        return made === undefined ? 'exists' : 'made'
      })
    },
    values: async () => {
      const secret = await read()
      if (secret === undefined) return undefined
      return new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, textOf(value)]))
    },
    replace: async (values) => {
      const secret = await read()
      if (secret === undefined) return 'changed'
      const data = Object.fromEntries([...values].map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
      const metadata = { ...secret.metadata, labels: { ...secret.metadata?.labels, ...labels } }
      const body = { ...secret, metadata, data }
      return hiding(values, async () => {
        const put = await unless(409, undefined, api.replaceNamespacedSecret({ namespace, name, body }))
        return put === undefined ? 'changed' : 'replaced'
      })
    },
    remove: async () => {
      const answer = await unless(404, undefined, api.deleteNamespacedSecret({ namespace, name }))
      return answer === undefined ? 'absent' : 'removed'
    },
  }
}

const textOf = (base64: string): string => Buffer.from(base64, 'base64').toString()

/** Rejects with an error that shows none of the values. */
const hiding = async <Result>(values: ReadonlyMap<string, string>, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    throw withoutValues(error, values)
  }
}

/** The error as it is, unless the answer repeats a value, as that of an admission webhook may. */
const withoutValues = (error: unknown, values: ReadonlyMap<string, string>): unknown => {
  const fault = kubeFaultOf(error)
  if (fault === undefined) return error
  const forms = [...values.values()].flatMap((value) => [value, Buffer.from(value).toString('base64')])
  if (!forms.some((form) => fault.message.includes(form))) return error
  const message = `${fault.reason} (what it said further repeats a value of the Secret and is left out)`
  return { code: fault.status, body: { reason: fault.reason, message } }
}

/** The error of a command on a Secret, for what the client threw. `verb` is what was to be done: `make`. */
export const secretError = (error: unknown, kube: Kube, { namespace, name }: SecretPlace, verb: string): unknown => {
  const fault = kubeFaultOf(error)
  if (fault === undefined) return error
  return kubeError(fault, kube.server, `${verb} the Secret ${namespace}/${name}`, adviceFor(fault, namespace, verb))
}

const adviceFor = (
  { status, message }: { readonly status: number | undefined; readonly message: string },
  namespace: string,
  verb: string,
): string | undefined => {
  if (status === 404) return `Make the namespace: \`kubectl create namespace ${namespace}\``
  if (status !== 403) return undefined
  if (message.includes('exceeded quota')) return `Raise the ResourceQuota of the namespace ${namespace}`
  if (message.includes('being terminated')) return `Wait until the namespace ${namespace} is gone, then make it again`
  const verbs = verbsOf.get(verb) ?? 'get and create'
  return `Allow this user ${verbs} on secrets in the namespace ${namespace} by a Role and a RoleBinding`
}

/** What a command on a Secret must be allowed to do. */
const verbsOf: ReadonlyMap<string, string> = new Map([
  ['remove', 'delete'],
  ['copy', 'get, create and update'],
])
