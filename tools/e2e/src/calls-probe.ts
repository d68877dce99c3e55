import { probeImage } from './images.ts'
import type { ProbeOptions } from './probe.ts'
import { release, searchClient } from './world.ts'

/** What `armature-probe calls` prints. */
export interface CallCounts {
  readonly calls: number
  readonly failed: number
  readonly failures: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A pod that calls search-service, found through Consul, at a steady rate until it is stopped. */
export const callsProbe = ({ perSecond, seconds }: { perSecond: number; seconds: number }): ProbeOptions => ({
  name: 'calls',
  image: probeImage,
  args: ['calls', '--rate', String(perSecond), '--seconds', String(seconds)],
  env: { CONSUL_HTTP_ADDR: `${release}-consul:8500` },
  labels: searchClient,
})
