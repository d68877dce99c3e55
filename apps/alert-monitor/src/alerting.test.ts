import { drivenClock } from '@armature/async/clock'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, onTestFinished, test } from 'vitest'
import { noticeOf } from '../test/alerting-world.ts'
import { memoryBucket } from '../test/memory-key-value.ts'
import { openAlerting } from './alerting.ts'
import { settings } from './config.ts'
import { createNotices } from './notify/notices.ts'

test('bug: nobody was told that an alert of a rule found no room', async () => {
  const clock = drivenClock(Date.UTC(2026, 0, 5, 12))
  const telemetry = testTelemetry('alert-monitor')
  const refused: string[] = []
  const alerting = await openAlerting({
    ...{ telemetry, clock, config: settings.parse({ apiPort: 0, maxAlerts: 1 }) },
    notices: createNotices({
      ...{ clock, telemetry, maxQueued: 10, publishTimeoutMs: 1_000 },
      publisher: { publish: () => Promise.resolve() },
    }),
    openBucket: () => Promise.resolve(memoryBucket().connect()),
    onOverflow: ({ fingerprint }) => refused.push(fingerprint),
  })
  onTestFinished(() => alerting.close())
  const offers = ['a', 'b', 'a'].map((host) => alerting.offer(noticeOf('cpu', { host }, clock.now()), {}))
  expect(offers).toEqual([true, false, true])
  expect(refused).toEqual(['cpu-b'])
})
