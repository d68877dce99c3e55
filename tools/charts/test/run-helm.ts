import { execute } from '@armature/servers/execute'
import { helm } from '@armature/servers/clients'

/** The version of Kubernetes that charts are rendered for: that of the cluster of the tests. */
export const kubeVersion = '1.34.0'

const deadlineMs = 60_000

/** Runs helm over a chart and returns what it printed. Rejects with helm's message. */
export const runHelm = async (...args: string[]): Promise<string> =>
  execute(await helm(), [...args, '--kube-version', kubeVersion], { deadlineMs })
