import { join } from 'node:path'
import { execute } from '@armature/servers/execute'
import { helm } from '@armature/servers/clients'
import { parseAllDocuments } from 'yaml'
import { chartsFolder } from './app-charts.ts'

/** The version of Kubernetes that charts are rendered for: that of the cluster of the tests. */
export const kubeVersion = '1.34.0'

/** For one run of helm, which takes less than a second on a quiet machine. */
export const helmDeadlineMs = 120_000

/** Runs helm over a chart and returns what it printed. Rejects with helm's message. */
export const runHelm = async (...args: string[]): Promise<string> =>
  execute(await helm(), [...args, '--kube-version', kubeVersion], { deadlineMs: helmDeadlineMs })

/** A rendered object, as far as tests look. */
export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec?: Readonly<Record<string, unknown>>
}

/** What a chart renders, as text. `args` are flags of helm template. */
export const rendered = (chart: string, ...args: string[]): Promise<string> =>
  runHelm('template', 'r', join(chartsFolder, chart), '--namespace', 'n', ...args)

/** What a chart renders, as objects. */
export const manifests = async (chart: string, ...args: string[]): Promise<readonly Manifest[]> =>
  parseAllDocuments(await rendered(chart, ...args)).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
