import { choice, list, text } from '@armature/config/settings'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { table } from '@armature/service/table'
import * as z from 'zod'
import { diagnoseCluster } from './diagnose-cluster.ts'
import type { Finding } from './finding.ts'
import { installPlan, type Manifest } from './install-plan.ts'
import { openKube, type Kube } from './kube.ts'
import { kubeCluster } from './kube-cluster.ts'
import { kubeSettings, msOf, namespaceSetting, objectName, timeoutSetting } from './kube-settings.ts'
import { readManifests, renderChart } from './render-chart.ts'

const settings = z.object({
  ...kubeSettings,
  namespace: namespaceSetting('DOCTOR_NAMESPACE').default('default'),
  release: objectName().default('platform').meta({ description: 'Name of the release', env: 'DOCTOR_RELEASE' }),
  chart: text().default('helm/platform').meta({ description: 'Chart to be installed', env: 'DOCTOR_CHART' }),
  values: list(text()).default([]).meta({
    description: 'Files of values, the last one counts most; repeat it for more',
    short: 'f',
    env: 'DOCTOR_VALUES',
  }),
  manifests: text().optional().meta({
    description: 'File of manifests that are rendered already, instead of --chart and --values (- = stdin)',
    env: 'DOCTOR_MANIFESTS',
  }),
  format: choice(['text', 'json']).default('text').meta({ description: 'Format of the output', env: 'DOCTOR_FORMAT' }),
  timeout: timeoutSetting('1m', 'DOCTOR_TIMEOUT'),
})

const requestTimeoutMs = 10_000

/** `doctor`: what a cluster lacks for an installation. It changes nothing. */
export const clusterDoctorCommand = command({
  summary: 'Tell what a Kubernetes cluster lacks for an installation, and how to mend it',
  settings,
  run: async (config, { stdin, stdout, signal }) => {
    const { kubeconfig, context, namespace } = config
    const kube = await openKube({ kubeconfig, context, requestTimeoutMs, timeoutMs: msOf(config.timeout), signal })
    const cluster = kubeCluster(kube, namespace)
    const manifests =
      config.manifests === undefined
        ? await renderChart({ ...config, kubeVersion: await cluster.version(), signal: kube.signal })
        : await readManifests(config.manifests, stdin)
    const plan = manifests === undefined ? undefined : installPlan(manifestsOf(kube, manifests))
    const findings = [...(await diagnoseCluster({ cluster, namespace, plan }))]
    if (plan === undefined) findings.push(unrendered)
    const healthy = findings.every(({ outcome }) => outcome !== 'FAIL')
    if (config.format === 'json') stdout.write(`${JSON.stringify({ healthy, checks: findings })}\n`)
    else stdout.write(textOf(findings))
    return healthy ? exitCodes.ok : exitCodes.config
  },
})

const unrendered: Finding = {
  check: 'chart',
  outcome: 'warn',
  said: 'helm is not on PATH, so it is not known what would be installed: only the cluster itself was checked',
  fix: 'Install helm, or give what another program rendered by --manifests FILE',
}

const manifestsOf = ({ library }: Kube, manifests: string): readonly Manifest[] => {
  try {
    const objects = library.loadAllYaml(manifests) as unknown[]
    return objects.filter((one): one is Manifest => typeof one === 'object' && one !== null && 'kind' in one)
  } catch (error) {
    throw new ServiceError(`the manifests are not YAML: ${(error as Error).message}`, { exitCode: exitCodes.data })
  }
}

const textOf = (findings: readonly Finding[]): string => {
  const rows = findings.flatMap(({ outcome, check, said, fix }) => [
    [outcome, check, said],
    ...(fix === undefined ? [] : [['', '', `-> ${fix}`]]),
  ])
  const count = (wanted: string) => findings.filter(({ outcome }) => outcome === wanted).length
  return `${table(rows)}${count('ok')} ok, ${count('warn')} warn, ${count('FAIL')} FAIL\n`
}
