import { describe, expect, test } from 'vitest'
import { browserConformance } from './conformance-browser.ts'
import { concurrencyConformance } from './conformance-concurrency.ts'
import { conformanceFixture, type ConformanceOptions } from './conformance-fixture.ts'
import { deliveryConformance } from './conformance-delivery.ts'
import { groupConformance } from './conformance-groups.ts'
import { lifecycleConformance } from './conformance-lifecycle.ts'
import { limitConformance } from './conformance-limits.ts'
import { orderConformance } from './conformance-order.ts'
import { outsideConformance } from './conformance-outside.ts'
import { recordConformance } from './conformance-record.ts'
import { redeliveryConformance } from './conformance-redelivery.ts'
import { replayConformance } from './conformance-replay.ts'
import { restartConformance } from './conformance-restart.ts'
import { topicConformance } from './conformance-topics.ts'
import type { Guarantees } from '@armature/messaging/ports'

declare module 'vitest' {
  interface TaskMeta {
    /** For the table at the end of a test run. */
    declaredGuarantees?: Guarantees & { readonly name: string }
  }
}

/**
 * The suite that every driver passes, written against the ports alone. It tests what the driver declares, and has a line in
 * the report for each thing that it does not declare. Call it at the top of a test file; the broker may be shared with
 * other tests, since every topic and group is new.
 */
export const messagingConformance = (name: string, options: ConformanceOptions): void => {
  describe(`${name} conforms`, () => {
    const suite = conformanceFixture(options)

    test('declares what it is tested for', async ({ task }) => {
      const { atLeastOnce, order, replay, groups, wildcards, headers, delay } = options
      const { guarantees, scheme } = await suite.connect()
      expect(guarantees).toEqual({ atLeastOnce, order, replay, groups, wildcards, headers, delay })
      expect(scheme).toMatch(/^[a-z][a-z0-9-]*$/)
      task.meta.declaredGuarantees = { name, ...guarantees }
    })

    deliveryConformance(suite)
    recordConformance(suite)
    redeliveryConformance(suite)
    orderConformance(suite)
    concurrencyConformance(suite)
    groupConformance(suite)
    topicConformance(suite)
    replayConformance(suite)
    limitConformance(suite)
    lifecycleConformance(suite)
    outsideConformance(suite)
    browserConformance(suite)
    restartConformance(suite)
  })
}
