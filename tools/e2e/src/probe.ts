import type { Namespace } from './cluster.ts'
import { until } from './until.ts'

export interface ProbeOptions {
  readonly name: string
  readonly image: string
  readonly args: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Names of Secrets whose keys become files below /etc/secrets/NAME. */
  readonly secrets?: readonly string[]
}

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

/** A pod under `restricted` that runs one program to its end. */
const podOf = ({ name, image, args, labels = {}, env = {}, secrets = [] }: ProbeOptions) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { 'app.kubernetes.io/name': name, ...labels } },
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'probe',
        image,
        imagePullPolicy: 'IfNotPresent',
        args,
        env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
        securityContext: restricted,
        // A pod without requests stands back while others start, and its clients miss their deadlines by their own delay.
        resources: { requests: { cpu: '250m', memory: '128Mi' } },
        volumeMounts: secrets.map((secret) => ({ name: secret, mountPath: `/etc/secrets/${secret}`, readOnly: true })),
      },
    ],
    volumes: secrets.map((secret) => ({ name: secret, secret: { secretName: secret } })),
  },
})

const endTimeoutMs = 120_000

const isOver = (phase: string | undefined) => phase === 'Succeeded' || phase === 'Failed'

/** Starts a program in a pod of its own. */
export const startProbe = async (space: Namespace, options: ProbeOptions) => {
  const { name } = options
  await space.kubectl(['delete', 'pod', name, '--ignore-not-found', '--wait=true'])
  await space.apply(podOf(options))
  const phase = async () => (await space.kubectl(['get', 'pod', name, '--output', 'jsonpath={.status.phase}'])).trim()
  /** Its stdout and stderr, once it has ended. */
  const output = async (): Promise<string> => {
    await until(`pod ${name} ends`, async () => isOver(await phase()), endTimeoutMs)
    const printed = await space.kubectl(['logs', name])
    await space.kubectl(['delete', 'pod', name, '--wait=false'])
    return printed
  }
  return {
    running: () => until(`pod ${name} runs`, async () => ['Running', 'Succeeded', 'Failed'].includes(await phase())),
    /** Resolves when it has said this. */
    said: (text: string) =>
      until(`pod ${name} says ${text}`, async () => (await space.kubectl(['logs', name])).includes(text)),
    output,
    /** Tells it to stop, as a signal does, and gives its output. The pod stays until that is read. */
    stop: async (): Promise<string> => {
      await space.kubectl(['exec', name, '--', 'node', '-e', "process.kill(1, 'SIGINT')"])
      return output()
    },
    /** Does away with it, where a test ended before its program. */
    remove: () => space.kubectl(['delete', 'pod', name, '--ignore-not-found', '--wait=false']),
  }
}

/** Runs a program in a pod to its end, and gives its output. */
export const probe = async (space: Namespace, options: ProbeOptions): Promise<string> =>
  (await startProbe(space, options)).output()

/** The last line of an output that is JSON. */
export const jsonIn = <Value>(output: string): Value => {
  const line = output
    .trim()
    .split('\n')
    .findLast((one) => /^[[{]/.test(one))
  if (line === undefined) throw new Error(`no JSON in: ${output}`)
  return JSON.parse(line) as Value
}
