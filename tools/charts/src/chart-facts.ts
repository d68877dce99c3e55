import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'

const json = z.json()

/** A setting without which the app is of no use in a cluster. */
const requiredSecret = z.strictObject({
  /** What is missing, in words that follow "has no". */
  what: z.string(),
  /** Secret settings, one of which must be given. */
  anyOf: z.array(z.string()).min(1),
  /** A setting that makes them needless. */
  unlessSetting: z.string().optional(),
})

const panel = z.strictObject({
  title: z.string(),
  /** PromQL; `$pods` stands for the labels of the pods of a release. */
  query: z.string(),
  /** As Grafana names it: `short`, `s`, `bytes`, `ops`. */
  unit: z.string(),
  /** The labels that tell the lines apart, as Grafana takes them: `{{reason}}`. */
  legend: z.string(),
})

const factsSchema = z.strictObject({
  description: z.string(),
  /** `node`: one pod on each node, which reads the node's log files. */
  runsOn: z.enum(['replicas', 'node']),
  replicaCount: z.int().min(0),
  /** For an app whose pods cannot share its work. */
  maxReplicaCount: z.int().min(1).optional(),
  requiredSecrets: z.array(requiredSecret),
  /** Peers of a NetworkPolicy that may call the app. */
  allowFrom: z.array(z.record(z.string(), json)),
  /** Settings that a pod needs otherwise than a laptop, beside addresses and ports. */
  config: z.record(z.string(), json),
  cpuRequest: z.string(),
  panels: z.array(panel),
})

/** What a chart needs to know of an app beside its settings: `helm/<app>/chart.json`, written by hand. */
export type ChartFacts = Readonly<z.infer<typeof factsSchema>> & {
  /** That of the app and of its folders in apps/ and helm/. */
  readonly name: string
}

/** Checks the facts of one app. Throws where one is missing, unknown or of another kind. */
export const chartFacts = (name: string, facts: unknown): ChartFacts => {
  const parsed = factsSchema.safeParse(facts)
  if (!parsed.success) throw new Error(`helm/${name}/chart.json: ${z.prettifyError(parsed.error)}`)
  return { name, ...parsed.data }
}

/** The facts of all apps that have a chart, by name. */
export const readChartFacts = (root: string): readonly ChartFacts[] =>
  globSync('helm/*/chart.json', { cwd: root })
    .sort()
    .map((path) => chartFacts(basename(dirname(path)), JSON.parse(readFileSync(join(root, path), 'utf8'))))
