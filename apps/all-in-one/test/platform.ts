import { openPostgresSink } from '@armature/aggregator/postgres-sink'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { type City, bigCities } from '../src/cities.ts'
import { settings } from '../src/config.ts'
import { embeddedEdges } from '../src/platform.ts'
import { type AllInOne, allInOne, type Edges } from '../src/service.ts'

/** Enough for the anomaly detector to know what is ordinary. */
const everyNth = 10

export const someCities = async (): Promise<readonly City[]> =>
  (await bigCities()).filter((_, index) => index % everyNth === 0)

export { openPostgresSink }

/** The whole platform in this process; what a proof prints goes to `lines`. */
export const testPlatform = (
  changes: Partial<Edges> = {},
  values: object = {},
): { readonly service: AllInOne; readonly lines: string[] } => {
  const lines: string[] = []
  const service = allInOne(settings.parse({ logLevel: 'silent', ...values }), {
    ...embeddedEdges(),
    telemetry: testTelemetry('all-in-one'),
    cities: someCities,
    print: (line) => lines.push(line),
    settleDeadlineMs: 20_000,
    ...changes,
  })
  return { service, lines }
}
