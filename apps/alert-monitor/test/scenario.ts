import { expect } from 'vitest'
import { openWorld, type World, type WorldOptions } from './world.ts'

/** The world as a step may use it. */
export interface Stage extends World {
  /** Sends a gauge of this value every 10 s from now on; undefined = no more. */
  hold(metric: string, value: number | undefined): Promise<void>
  /** The notices since this was last asked, as `name status`. */
  heard(): readonly string[]
}

export type Step = (stage: Stage) => Promise<void> | void

export interface Scenario {
  /** Does the step at that time after the start (`30s`, `5m`, `1h`), after all that falls due by then. */
  at(time: string, step: Step): Scenario
  run(): Promise<void>
}

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const
const resendMs = 10_000

const parseTime = (text: string): number => {
  const [, amount, unit] = /^(\d+)([smh])$/.exec(text) ?? []
  if (amount === undefined || unit === undefined) throw new Error(`${text} is no time: write 30s, 5m or 1h`)
  return Number(amount) * unitsMs[unit as keyof typeof unitsMs]
}

/** Scripted time for a whole monitor: `scenario({ rules }).at('0s', spike('cpu')).at('30s', expectAlert('cpu')).run()`. */
export const scenario = (options: WorldOptions = {}): Scenario => {
  const steps: { atMs: number; step: Step }[] = []
  const script: Scenario = {
    at: (time, step) => {
      const atMs = parseTime(time)
      if (atMs < (steps.at(-1)?.atMs ?? 0)) throw new Error(`${time} is before the step before it`)
      steps.push({ atMs, step })
      return script
    },
    run: async () => {
      const stage = await openStage(options)
      await stage.monitor.start()
      let nowMs = 0
      for (const { atMs, step } of steps) {
        await stage.clock.advance(atMs - nowMs)
        nowMs = atMs
        await step(stage)
        await stage.clock.advance(0)
      }
    },
  }
  return script
}

const openStage = async (options: WorldOptions): Promise<Stage> => {
  const world = await openWorld(options)
  const held = new Map<string, number>()
  let heard = 0

  const resend = () => {
    for (const [metric, value] of held) void world.publish(`${metric}:${value}|g`)
    world.clock.after(resendMs, resend)
  }
  resend()

  return {
    ...world,
    hold: async (metric, value) => {
      if (value === undefined) return void held.delete(metric)
      held.set(metric, value)
      await world.publish(`${metric}:${value}|g`)
    },
    heard: () => {
      const fresh = world.notices().slice(heard)
      heard += fresh.length
      return fresh.map(({ name, status }) => `${name} ${status}`)
    },
  }
}

/** The metric goes up to 99 and stays there. */
export const spike =
  (metric: string): Step =>
  ({ hold }) =>
    hold(metric, 99)

/** The metric goes down to 1 and stays there. */
export const calm =
  (metric: string): Step =>
  ({ hold }) =>
    hold(metric, 1)

/** The metric sends nothing more. */
export const fallSilent =
  (metric: string): Step =>
  ({ hold }) =>
    hold(metric, undefined)

/** Since the last expectation exactly this alert was raised. */
export const expectAlert =
  (name: string): Step =>
  ({ heard }) =>
    void expect(heard()).toEqual([`${name} firing`])

/** Since the last expectation exactly this alert was resolved. */
export const expectResolved =
  (name: string): Step =>
  ({ heard }) =>
    void expect(heard()).toEqual([`${name} resolved`])

/** Since the last expectation nothing was told. */
export const expectNoRepeat =
  (): Step =>
  ({ heard }) =>
    void expect(heard()).toEqual([])
