import { brokerUrl, text, url } from '@armature/config/settings'
import { isInProcess } from '@armature/messaging/broker-in-words'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { msOf, timeoutSetting } from './kube-settings.ts'

const settings = z.object({
  searchAddress: text()
    .optional()
    .meta({ description: 'gRPC target of search-service, HOST:PORT', env: 'SEARCH_ADDRESS' }),
  query: text().default('a').meta({ description: 'Text to search for', env: 'SMOKE_QUERY' }),
  opensearchUrl: url(['http', 'https', 'opensearch']).optional().meta({
    description:
      "The aggregator's SINK_URL: OpenSearch and the index of log lines, such as http://HOST:9200/logs-%Y.%m.%d",
    env: 'OPENSEARCH_URL',
    secret: true,
  }),
  graphiteUrl: url(['http', 'https'])
    .optional()
    .meta({ description: 'Graphite, http://HOST:PORT', env: 'GRAPHITE_URL', secret: true }),
  counter: text()
    .regex(/^[\w.-]+$/, { error: 'is not the name of a counter' })
    .default('search_count')
    .meta({ description: 'Counter of search-service that a search raises', env: 'SMOKE_COUNTER' }),
  messagingUrl: brokerUrl().optional().meta({ description: 'Broker of alerts', env: 'MESSAGING_URL', secret: true }),
  timeout: timeoutSetting('2m', 'SMOKE_TIMEOUT'),
})

/** `smoke-test`: what `helm test` runs. */
export const smokeTestCommand = command({
  summary: 'Try a running platform: a search, its log line and its count, an alert and its reaction',
  settings,
  run: async (config, { stdout, stderr, signal }) => {
    if (config.searchAddress === undefined && config.messagingUrl === undefined) {
      throw new ServiceError('there is nothing to try', {
        exitCode: exitCodes.usage,
        fix: 'Name search-service by --search-address, or the broker of alerts by --messaging-url',
      })
    }
    if (config.messagingUrl !== undefined && isInProcess(config.messagingUrl)) {
      throw new ServiceError('the messaging URL is memory:, which reaches one process only', {
        exitCode: exitCodes.usage,
        fix: 'Set --messaging-url to the URL of a broker',
      })
    }
    const { smokeTest } = await import('./smoke-test.ts')
    const { passed, failed } = await smokeTest({
      ...config,
      ...{ timeoutMs: msOf(config.timeout), signal, stdout, stderr },
      ...optionalOf(config),
    })
    if (signal.aborted) throw new ServiceError('it was stopped', { exitCode: exitCodes.temporary })
    stdout.write(`${passed} passed, ${failed} failed\n`)
    return failed === 0 ? exitCodes.ok : exitCodes.unavailable
  },
})

const optionalOf = ({ searchAddress, opensearchUrl, graphiteUrl, messagingUrl }: z.infer<typeof settings>) => ({
  ...{ searchAddress, opensearchUrl, graphiteUrl, messagingUrl },
})
