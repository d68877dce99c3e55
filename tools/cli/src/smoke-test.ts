import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import { openDriver } from '@armature/messaging-drivers/open'
import { MessagingUrlError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { createSearchClient } from '@armature/search-api/client'
import { countedSince } from './graphite-counter.ts'
import { findLogLine, type LineFields } from './log-lines.ts'
import { createSteps, eventually, type Steps } from './smoke-steps.ts'
import { testAlert } from './test-alert.ts'

export interface SmokeTestOptions {
  readonly searchAddress: string | undefined
  readonly query: string
  readonly opensearchUrl: string | undefined
  readonly graphiteUrl: string | undefined
  readonly counter: string
  readonly messagingUrl: string | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly stdout: Writable
  readonly stderr: Writable
}

/** Tries a platform from outside: what goes in on one side must come out on the other. Resolves with the counts of its steps. */
export const smokeTest = async (options: SmokeTestOptions): Promise<Pick<Steps, 'passed' | 'failed'>> => {
  const steps = createSteps(options.stdout)
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)])
  await Promise.all([searched(options, steps, signal), alerted(options, steps, signal)])
  return steps
}

/** A search, then the traces that it must leave: its log line, and its count. */
const searched = async (options: SmokeTestOptions, steps: Steps, signal: AbortSignal): Promise<void> => {
  const { searchAddress, graphiteUrl, counter } = options
  if (searchAddress === undefined) {
    for (const name of ['search', 'log line', 'counter']) steps.skip(name, 'there is no --search-address')
    return
  }
  const requestId = `smoke-test-${randomUUID()}`
  const startedMs = Date.now()
  const search = await steps.step('search', () => searchOnce({ ...options, searchAddress }, requestId, signal))
  if (search === undefined) return
  await Promise.all([
    lineFound(options, steps, 'log line', { requestId }, signal),
    graphiteUrl === undefined
      ? steps.skip('counter', 'there is no --graphite-url')
      : steps.step('counter', () =>
          eventually(async () => {
            const counted = await countedSince(graphiteUrl, counter, startedMs, signal)
            if (counted === undefined) return { notYet: `Graphite has counted no ${counter} since the search` }
            return { found: { said: `${counted.target} counted ${counted.count}` } }
          }, signal),
        ),
  ])
}

const searchOnce = async (
  { searchAddress, query }: { readonly searchAddress: string; readonly query: string },
  requestId: string,
  signal: AbortSignal,
) => {
  const client = createSearchClient(searchAddress, { deadlineMs: 5_000 })
  try {
    return await eventually(async () => {
      const { results } = await client.search({ query }, { requestId, signal })
      return { found: { said: `${searchAddress} answers with ${results.length} results, request id ${requestId}` } }
    }, signal)
  } finally {
    client.close()
  }
}

const resolveTimeoutMs = 10_000

/** An alert, what the reactor logs when it has handled it, and the end of the alert. */
const alerted = async (options: SmokeTestOptions, steps: Steps, signal: AbortSignal): Promise<void> => {
  const { messagingUrl, stderr } = options
  if (messagingUrl === undefined) {
    for (const name of ['alert', 'reaction']) steps.skip(name, 'there is no --messaging-url')
    return
  }
  const { firing, resolved } = testAlert(new Date())
  let driver: Driver | undefined
  const publish = (message: typeof firing, until: AbortSignal) =>
    eventually(
      async () => {
        driver ??= await openDriver(messagingUrl, {
          source: '/armature/cli',
          warn: (problem) => void stderr.write(`${problem}\n`),
        })
        await driver.publish(message.topic, [message])
        return { found: { said: `${driver.scheme} holds ${message.topic}, id ${message.id}` } }
      },
      until,
      (error) => error instanceof MessagingUrlError,
    )
  try {
    if ((await steps.step('alert', () => publish(firing, signal))) === undefined) return
    await lineFound(options, steps, 'reaction', { id: firing.id, handler: 'log-alert' }, signal)
    // It has a time of its own: an alert that nobody handled in time is resolved too.
    await steps.step('alert resolved', () => publish(resolved, AbortSignal.timeout(resolveTimeoutMs)))
  } finally {
    await driver?.close()
  }
}

const lineFound = async (
  { opensearchUrl }: SmokeTestOptions,
  steps: Steps,
  name: string,
  fields: LineFields,
  signal: AbortSignal,
): Promise<void> => {
  if (opensearchUrl === undefined) return steps.skip(name, 'there is no --opensearch-url')
  await steps.step(name, () =>
    eventually(async () => {
      const index = await findLogLine(opensearchUrl, fields, signal)
      const shown = Object.entries(fields).map(([field, value]) => `${field} ${value}`)
      if (index === undefined) return { notYet: `no log line has ${shown.join(' and ')}` }
      return { found: { said: `in the index ${index}` } }
    }, signal),
  )
}
