import { isDeepStrictEqual } from 'node:util'
import { jitterMs } from '@armature/async/jitter'
import { unlessAborted } from '@armature/async/unless-aborted'
import { within } from '@armature/async/within'
import type { z } from 'zod'
import type { Fault } from './faults.ts'
import type { KvSource, KvValues } from './kv-source.ts'
import { attempt, changesOf, merged, picked, settled, type Values } from './kv-values.ts'
import { watchKv } from './kv-watch.ts'
import type { LastGood } from './last-good.ts'
import type { Loaded, SettingsReader } from './load.ts'
import { describeSettings, type Settings } from './schema.ts'

/** The effect of an answer of KV. Faults never hold a secret. */
export type KvEvent =
  /** The settings are those of the last good file, or (`none`) those without KV: KV did not answer in time. */
  | { readonly kind: 'started without KV'; readonly from: 'last good' | 'none' }
  | { readonly kind: 'applied'; readonly keys: readonly string[] }
  | { readonly kind: 'restarting'; readonly keys: readonly string[]; readonly inMs: number }
  /** With `coldChanges: 'next start'`: the next start has these keys' new values. */
  | { readonly kind: 'waiting'; readonly keys: readonly string[] }
  /** These keys waited, and are again as they run. */
  | { readonly kind: 'taken back'; readonly keys: readonly string[] }
  /** The old values of these keys stay; with a fault that is no key's the whole change is left out. */
  | { readonly kind: 'rejected'; readonly faults: readonly Fault[] }
  | { readonly kind: 'unreachable'; readonly fault: unknown }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'not kept'; readonly fault: unknown }

/**
 * The effect of a change of a setting that is not hot. `restart` begins again with it. `next start` leaves what runs as it is, and keeps
 * the change with the last good values.
 */
export type ColdChanges = 'restart' | 'next start'

export interface LiveHooks<T> {
  /** Only hot settings changed: these keys. */
  onHot: (config: Readonly<T>, keys: readonly string[]) => void
  /** Others changed too, these keys: stop, and `begin` again. Never called with `coldChanges: 'next start'`. */
  onRestart: (keys: readonly string[]) => void
  onEvent: (event: KvEvent) => void
}

export interface LiveConfig<T> {
  /** The settings to run with from now on. Nothing is told until `follow`. */
  begin(): Loaded<T>
  /** Tells what happened since `begin`, and what happens from now on until the next one. */
  follow(hooks: LiveHooks<T>): void
  /** Explains as `Loaded.explain` does, with what KV holds now. */
  explain(key?: string): string
  /** Ends the watch; the source is closed by who opened it. */
  close(): void
}

export interface LiveOptions<S extends Settings> {
  settings: S
  /** Flags, environment and file, as they were at the start. */
  reader: Pick<SettingsReader<S>, 'load'>
  source: KvSource
  /** From the weakest: `config/application/`, `config/<service>/`. Unknown keys are faults below the last one only. */
  prefixes: readonly string[]
  lastGood: LastGood
  /** The longest wait for the first answer. */
  startMs: number
  quietMs: number
  /** A restart waits a random time up to this. */
  splayMs: number
  /** Default `restart`. */
  coldChanges?: ColdChanges
  /** Gives up the wait at the start. */
  signal?: AbortSignal
  /** 0 to 1. Default Math.random. */
  random?: () => number
}

const maxPendingEvents = 100

/**
 * Settings that follow KV. Resolves when the first settings are there: with what KV holds, or, where it does not answer in time, with
 * what it held last, or without. Rejects with ConfigError when they are wrong and there is no last good value to stand in. From then
 * on each change is validated first; a key that is wrong keeps its old value and is told as rejected.
 */
export const openLiveConfig = async <S extends Settings>(options: LiveOptions<S>): Promise<LiveConfig<z.infer<S>>> => {
  const { source, prefixes, lastGood, startMs, quietMs, splayMs } = options
  const { coldChanges = 'restart', random } = options
  const settings = describeSettings(options.settings)
  const known = new Set(settings.map(({ key }) => key))

  type T = z.infer<S>
  let hooks: LiveHooks<T> | undefined
  const events = eventQueue()
  let accepted: KvValues | undefined = lastGood.read()
  let latest: Loaded<T> | undefined
  let running: Readonly<T> | undefined
  const restart = restartTimer(splayMs, random)
  const first = Promise.withResolvers<undefined>()
  const { tell } = events
  const deferred = deferredChanges(tell)
  const reach = reachability(tell)

  const { load } = options.reader
  const settle = (values: KvValues, old: KvValues) =>
    settled(values, old, { load, onRejected: (faults) => tell({ kind: 'rejected', faults }) })

  /** Brings what runs and what is wanted together. */
  const apply = (): void => {
    if (latest === undefined || running === undefined || hooks === undefined) return
    const now: Values = latest.config
    const { warm, cold } = changesOf(settings, running, now)
    if (warm.length > 0) {
      running = Object.freeze({ ...(running as Values), ...picked(now, warm) }) as Readonly<T>
      hooks.onHot(running, warm)
      tell({ kind: 'applied', keys: warm })
    }
    if (coldChanges === 'next start') {
      deferred.set(picked(now, cold))
    } else if (cold.length === 0) {
      restart.cancel()
    } else {
      const inMs = restart.begin(() => hooks?.onRestart(cold))
      if (inMs !== undefined) tell({ kind: 'restarting', keys: cold, inMs })
    }
  }

  const onChange = (values: readonly KvValues[]): void => {
    reach.answered()
    const now = merged(values, known)
    const isFirst = accepted === undefined && latest === undefined
    const taken = attempt(() => (isFirst ? { kv: now, loaded: load(now) } : settle(now, accepted ?? {})))
    // At the first start nothing can stand in; later the change waits.
    if ('fault' in taken) return first.reject(taken.fault)
    accepted = taken.value.kv
    latest = taken.value.loaded
    first.resolve(undefined)
    try {
      lastGood.write(accepted)
    } catch (fault) {
      tell({ kind: 'not kept', fault })
    }
    apply()
  }

  const cancel = watchKv({ source, prefixes, quietMs, onChange, onFault: reach.lost })
  const close = (): void => {
    cancel()
    restart.cancel()
  }
  try {
    await firstAnswer(startMs, first.promise, options.signal)
    if (latest === undefined) {
      latest = accepted === undefined ? load(undefined) : settle(accepted, {}).loaded
      tell({ kind: 'started without KV', from: accepted === undefined ? 'none' : 'last good' })
    }
  } catch (error) {
    close()
    throw error
  }
  const opened: { current: Loaded<T> } = { current: latest }

  return {
    begin: () => {
      restart.cancel()
      deferred.clear()
      hooks = undefined
      events.hold()
      opened.current = latest ?? opened.current
      running = opened.current.config
      return opened.current
    },
    follow: (next) => {
      hooks = next
      events.pass((event) => next.onEvent(event))
      apply()
    },
    explain: (key) => (latest ?? opened.current).explain(key),
    close,
  }
}

/** Resolves with the first answer, at the latest after `limitMs`, and as soon as the signal is aborted. */
const firstAnswer = (limitMs: number, answer: Promise<unknown>, signal = new AbortController().signal) =>
  within(
    limitMs,
    unlessAborted(signal, answer).catch((error: unknown) => {
      if (!signal.aborted) throw error
    }),
  )

/** Events wait here until somebody follows. More than the bound are left out. */
const eventQueue = () => {
  const pending: KvEvent[] = []
  let pass: ((event: KvEvent) => void) | undefined
  return {
    tell: (event: KvEvent): void => {
      if (pass !== undefined) pass(event)
      else if (pending.length < maxPendingEvents) pending.push(event)
    },
    hold: (): void => {
      pass = undefined
    },
    /** Passes on those that wait, and each one from now on. */
    pass: (to: (event: KvEvent) => void): void => {
      pass = to
      for (const event of pending.splice(0)) to(event)
    },
  }
}

/** Tells when KV is lost, and when it answers again. */
const reachability = (tell: (event: KvEvent) => void) => {
  let away = false
  return {
    lost: (fault: unknown): void => {
      away = true
      tell({ kind: 'unreachable', fault })
    },
    answered: (): void => {
      if (away) tell({ kind: 'reachable' })
      away = false
    },
  }
}

/** One restart, after a random time up to `maxMs`. */
const restartTimer = (maxMs: number, random: (() => number) | undefined) => {
  let timer: NodeJS.Timeout | undefined
  return {
    /** Returns the time in milliseconds; undefined where a restart is on its way already. */
    begin: (onDue: () => void): number | undefined => {
      if (timer !== undefined) return undefined
      const inMs = jitterMs(0, maxMs, random)
      timer = setTimeout(onDue, inMs)
      return inMs
    },
    cancel: (): void => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

/** The changes that wait for the next start. */
const deferredChanges = (tell: (event: KvEvent) => void) => {
  let waiting: Values = {}
  return {
    /** These wait now. Tells which are new among them, and which wait no longer. */
    set: (wanted: Values): void => {
      const before = waiting
      waiting = wanted
      const isNew = (key: string) => !(key in before) || !isDeepStrictEqual(wanted[key], before[key])
      const added = Object.keys(wanted).filter(isNew)
      const gone = Object.keys(before).filter((key) => !(key in wanted))
      if (added.length > 0) tell({ kind: 'waiting', keys: added })
      if (gone.length > 0) tell({ kind: 'taken back', keys: gone })
    },
    clear: (): void => {
      waiting = {}
    },
  }
}
