import { latch } from '@armature/async/latch'
import type { MessageRun } from '@armature/messaging/message-run'
import { expect, test } from 'vitest'
import { publishRuns } from './publish-runs.ts'

const runOf = (key: string, id: string): MessageRun => ({
  count: 1,
  key,
  kinds: [{}],
  kindOf: Uint8Array.of(0),
  idPrefix: id,
  idNumbers: Float64Array.of(0),
  timesMs: Float64Array.of(0),
  data: Buffer.alloc(0),
  starts: Uint32Array.of(0),
  ends: Uint32Array.of(0),
})

test('runs of one key are published one after the other, those of others meanwhile', async () => {
  const steps: string[] = []
  const gate = latch()
  const publish = async ({ idPrefix }: MessageRun) => {
    steps.push(`${idPrefix} begins`)
    if (idPrefix === 'a1') await gate.wait()
    steps.push(`${idPrefix} ends`)
    return []
  }
  const all = publishRuns({ publish }, [runOf('a', 'a1'), runOf('a', 'a2'), runOf('b', 'b1')])
  await expect.poll(() => steps).toEqual(['a1 begins', 'b1 begins', 'b1 ends'])
  gate.open()
  await all
  expect(steps.slice(3)).toEqual(['a1 ends', 'a2 begins', 'a2 ends'])
})
