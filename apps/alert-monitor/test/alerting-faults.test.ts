import { type Clock, type DrivenClock, drivenClock } from '@armature/async/clock'
import { type Random, seededRandom } from '@armature/async/random'
import type { KeyValue } from '@armature/messaging/key-value'
import { expect, test } from 'vitest'
import { createAlertManager } from '../src/alerts/alert-manager.ts'
import { readAlertsPlan } from '../src/dispatch/alerts-config.ts'
import { createCollections } from '../src/store/collections.ts'
import { memoryBucket, type MemoryBucket } from './memory-key-value.ts'

const plan = readAlertsPlan(
  `
route: { receiver: ops, group_by: ['...'], group_wait: 1s, group_interval: 5s }
receivers: [{ name: ops }]
`,
  'alerts.yaml',
)
const seeds = 100
const alerts = 20
const stepMs = 500

interface World {
  readonly clock: DrivenClock
  readonly random: Random
  readonly bucket: MemoryBucket
  /** The alerts that somebody has heard of, by topic and by receiver. */
  readonly heard: { readonly topic: Set<string>; readonly receiver: Set<string> }
}

/** What a killed process would still do is not done. */
const mortal = (world: World) => {
  let isDead = false
  const never = new Promise<never>(() => undefined)
  const alive = async <Result>(work: Promise<Result>): Promise<Result> => {
    const result = await work
    return isDead ? never : result
  }
  const clock: Clock = {
    now: () => world.clock.now(),
    after: (delayMs, callback) => world.clock.after(delayMs, () => void (isDead || callback())),
  }
  const way = world.bucket.connect()
  const bucket: KeyValue = {
    get: (key) => alive(isDead ? never : way.get(key)),
    put: (key, value, revision) => alive(isDead ? never : way.put(key, value, revision)),
    remove: (key, revision) => alive(isDead ? never : way.remove(key, revision)),
    watch: (onChange) => way.watch((...change) => void (isDead || onChange(...change))),
    close: () => way.close(),
  }
  return { clock, bucket, alive, kill: () => void (isDead = true), isDead: () => isDead }
}

const startProcess = async (world: World, owner: string) => {
  const { random, heard } = world
  const { clock, bucket, kill, isDead } = mortal(world)
  const collections = createCollections({ bucket, clock, warn: () => undefined })
  const manager = createAlertManager({
    ...{ plan, collections, owner, clock, maxAlerts: 100, maxSilences: 10, maxClaims: 10, repeatMs: 3_600_000 },
    receivers: new Map([
      [
        'ops',
        [
          {
            id: 'ops',
            sendResolved: true,
            notify: async ({ alerts: told }) => {
              if (random.next() < 0.2) throw new Error('the receiver is away')
              await new Promise<void>((resolve) => void clock.after(random.below(2_000), resolve))
              for (const { fingerprint } of told) heard.receiver.add(fingerprint)
            },
          },
        ],
      ],
    ]),
    // The outbox publishes until the broker has it, as long as its process lives.
    publish: (notice, _trace, _id, onPublished) => {
      if (random.next() < 0.2) return false
      clock.after(random.below(2_000), () => {
        heard.topic.add(notice.fingerprint)
        onPublished()
      })
      return true
    },
    onTold: () => undefined,
    onFailed: () => undefined,
  })
  await manager.start()
  const tick = () => {
    manager.tick([], [])
    clock.after(1_000, tick)
  }
  tick()
  return { manager, kill, isDead }
}

type Process = Awaited<ReturnType<typeof startProcess>>

const simulate = async (seed: number) => {
  const random = seededRandom(seed)
  const clock = drivenClock(Date.UTC(2026, 0, 5, 12))
  const world: World = {
    ...{ random, clock, bucket: memoryBucket() },
    heard: { topic: new Set(), receiver: new Set() },
  }
  const processes: Process[] = []
  let started = 0
  const start = async () => {
    started += 1
    processes.push(await startProcess(world, `process-${started}`))
  }
  const accepted = new Set<string>()
  const post = (process: Process, name: string) => {
    const labels = { alertname: name }
    const endsAtMs = clock.now() + 3_600_000
    const posted = { labels, annotations: {}, generatorUrl: '', startsAtMs: clock.now(), endsAtMs }
    process.manager.post([posted]).then(
      () => accepted.add(name),
      () => undefined,
    )
  }

  await start()
  await start()
  for (let number = 0; number < alerts; number += 1) {
    const chosen = processes[random.below(processes.length)]
    if (chosen !== undefined) post(chosen, `alert-${number}`)
    // Not every kill waits until the post is answered.
    if (random.next() < 0.5) await clock.advance(random.below(stepMs))
    if (random.next() < 0.3) chosen?.kill()
    world.bucket.state.isDown = random.next() < 0.2
    await clock.advance(stepMs)
    world.bucket.state.isDown = false
    for (const dead of processes.filter((process) => process.isDead())) {
      processes.splice(processes.indexOf(dead), 1)
      await start()
    }
  }
  await clock.advance(180_000)
  const names = (fingerprints: ReadonlySet<string>) =>
    new Set(
      [...(processes[0]?.manager.alerts() ?? [])]
        .filter(({ fingerprint }) => fingerprints.has(fingerprint))
        .map(({ labels }) => labels['alertname'] ?? ''),
    )
  for (const { manager, kill } of processes) {
    await manager.close()
    kill()
  }
  return { accepted, topic: names(world.heard.topic), receiver: names(world.heard.receiver) }
}

test(
  `processes that are killed and a store that is away lose no alert that was accepted: ${seeds} seeds`,
  { timeout: 120_000 },
  async () => {
    let count = 0
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { accepted, topic, receiver } = await simulate(seed)
      count += accepted.size
      const without = (heard: ReadonlySet<string>) => [...accepted].filter((name) => !heard.has(name))
      const missed = { seed, topic: without(topic), receiver: without(receiver) }
      expect(missed).toEqual({ seed, topic: [], receiver: [] })
    }
    // The faults leave enough to judge by.
    expect(count).toBeGreaterThan((seeds * alerts) / 4)
  },
)
