import { join } from 'node:path'
import { openNamespace, type Pod } from './cluster.ts'

const {
  E2E_NAMESPACE: name = 'armature-e2e',
  E2E_KEEP,
  E2E_LOADER,
  E2E_CALLS_PER_SECOND,
  E2E_EVENTS_PER_SECOND,
} = process.env

/** The namespace that all tests of a run share. */
export const space = openNamespace(name)
export const isKept = E2E_KEEP === 'true'
/** How images get into the cluster, as --load says. */
export const loader = E2E_LOADER ?? 'none'
export const callsPerSecond = Number(E2E_CALLS_PER_SECOND ?? 50)
export const eventsPerSecond = Number(E2E_EVENTS_PER_SECOND ?? 250)

export const release = 'platform'
export const chart = join(import.meta.dirname, '../../../helm/platform')
/** Values of the tests beside the chart's own. */
export const testValues = join(import.meta.dirname, '../values.yaml')

export const apps = ['search-service', 'alert-monitor', 'reactor', 'aggregator'] as const
export const backends = ['consul', 'kafka', 'nats', 'postgres', 'opensearch', 'graphite'] as const

/** Selects the pods of an app or a backend. */
export const podsOf = (app: string): string => `app.kubernetes.io/instance=${release},app.kubernetes.io/name=${app}`

/** What callers of search-service are labelled with, so that its policies let them in. */
export const searchClient = { 'armature/client-of': 'search-service' }

/** A pod of an app or a backend. Rejects where there is none. */
export const onlyPod = async (app: string): Promise<Pod> => {
  const [pod] = await space.pods(podsOf(app))
  if (pod === undefined) throw new Error(`${app} has no pod`)
  return pod
}

/** The pods and the warnings of the namespace. */
const situation = async () => {
  const parts = await Promise.allSettled([
    space.kubectl(['get', 'pods', '--output', 'wide']),
    space.kubectl(['get', 'events', '--sort-by', '.lastTimestamp', '--field-selector', 'type!=Normal']),
  ])
  return parts.map((part) => (part.status === 'fulfilled' ? part.value : String(part.reason))).join('\n')
}

/** The same step, whose error shows the pods and the warnings of the namespace as well. */
export const explained = async <Result>(step: Promise<Result>): Promise<Result> => {
  try {
    return await step
  } catch (error) {
    throw new Error(`${String(error)}\n${await situation()}`, { cause: error })
  }
}
