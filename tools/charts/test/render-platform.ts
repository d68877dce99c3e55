import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { helm } from '@armature/servers/clients'
import { helmDeadlineMs as deadlineMs, kubeVersion } from './run-helm.ts'

export { deadlineMs }

export const root = join(import.meta.dirname, '../../..')
export const platform = join(root, 'helm/platform')

/** What `helm template` prints of the umbrella chart as release `platform`, without its warnings. Rejects with helm's message. */
export const renderPlatform = async (...flags: string[]): Promise<string> => {
  const args = ['template', 'platform', platform, '--namespace', 'armature', '--kube-version', kubeVersion, ...flags]
  const { stdout } = await promisify(execFile)(await helm(), args, { maxBuffer: 16_777_216, timeout: deadlineMs })
  return stdout
}

/** The flags that take the values of k8s/values. */
export const profile = (name: string): string[] => ['--values', join(root, `k8s/values/${name}.yaml`)]

export const profiles = ['laptop', 'operators', 'external'] as const
