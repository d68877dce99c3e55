import { execute, tryExecute } from './execute.ts'

/** As far as the tests read them. */
export interface KubeObject {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly uid?: string
  }
}

export interface Pod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly { readonly name: string; readonly restartCount: number }[]
  }
}

interface ListOf<Item> {
  readonly items: readonly Item[]
}

/** kubectl within one namespace of the cluster that KUBECONFIG names. */
export const openNamespace = (namespace: string) => {
  const kubectl = (args: readonly string[], input?: string) =>
    execute('kubectl', ['--namespace', namespace, ...args], input === undefined ? {} : { input })

  const list = async <Item extends KubeObject>(kind: string, selector = ''): Promise<readonly Item[]> =>
    (JSON.parse(await kubectl(['get', kind, '--selector', selector, '--output', 'json'])) as ListOf<Item>).items

  return {
    namespace,
    kubectl,
    list,
    /** Those that are not on their way out. */
    pods: async (selector = '') =>
      (await list<Pod>('pods', selector)).filter(({ metadata }) => metadata.deletionTimestamp === undefined),
    apply: (object: unknown) => kubectl(['apply', '--filename', '-'], JSON.stringify(object)),
    /** The labels that make PodSecurity enforce `restricted`, as a careful team has them. */
    create: async () => {
      const labels = ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted'])
      const object: unknown = {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: Object.fromEntries(labels) as Readonly<Record<string, string>> },
      }
      await execute('kubectl', ['apply', '--filename', '-'], { input: JSON.stringify(object) })
    },
    remove: () => tryExecute('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']),
    helm: (args: readonly string[]) => execute('helm', ['--namespace', namespace, ...args]),
  }
}

export type Namespace = ReturnType<typeof openNamespace>

export const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
