import { constants } from 'node:os'
import { EnvError, exitCodes } from './exit-codes.ts'

/** The request of the command line. */
export interface Options {
  /** From the weakest to the strongest, without slashes at their ends. */
  readonly prefixes: readonly string[]
  readonly upcase: boolean
  readonly sanitize: boolean
  readonly pristine: boolean
  /** False puts the prefix before each name. */
  readonly noPrefix: boolean
  readonly once: boolean
  readonly killSignal: NodeJS.Signals
  readonly killTimeoutMs: number
  readonly splayMs: number
  readonly quietMs: number
  readonly maxQuietMs: number
  readonly consulAddr: string | undefined
  readonly command: readonly string[]
}

export type Asked =
  { readonly kind: 'help' } | { readonly kind: 'version' } | { readonly kind: 'run'; readonly options: Options }

export const usage = `Usage: armature-env [flags] [--] COMMAND [ARGUMENT...]

Runs a command with environment variables from Consul KV, and again when they change. Flags are those of envconsul,
with one dash or two; Consul is found by its CONSUL_* variables. Durations are as 500ms, 5s, 1m30s.

  -prefix PATH             Take the keys below PATH; may be repeated, later ones win
  -upcase                  Write names in capitals
  -sanitize                Replace each other character than letters, digits and _ in names by _
  -pristine                Leave out the variables that this program has
  -no-prefix=false         Put the path before each name
  -once                    Run once: do not watch for changes
  -kill-signal NAME        Signal that asks the command to end, before it is run again (SIGTERM)
  -exec-kill-timeout TIME  SIGKILL follows after this time (30s)
  -splay TIME              Wait a random time up to this before running again (0s)
  -wait MIN[:MAX]          Run again once nothing changed for MIN, at the latest after MAX (100ms, 4 times MIN)
  -consul-addr ADDRESS     Consul agent; before CONSUL_HTTP_ADDR (127.0.0.1:8500)
  -help, -version
`

interface Draft {
  prefixes: string[]
  toggles: Record<'upcase' | 'sanitize' | 'pristine' | 'no-prefix' | 'once' | 'help' | 'version', boolean>
  killSignal: NodeJS.Signals
  killTimeoutMs: number
  splayMs: number
  wait: readonly [number, number]
  consulAddr: string | undefined
}

type Store = (draft: Draft, value: string, flag: string) => void

const values: Readonly<Record<string, Store>> = {
  prefix: (draft, value, flag) => void draft.prefixes.push(prefixOf(value, flag)),
  'kill-signal': (draft, value, flag) => void (draft.killSignal = signalOf(value, flag)),
  'exec-kill-timeout': (draft, value, flag) => void (draft.killTimeoutMs = durationOf(value, flag)),
  'exec-splay': (draft, value, flag) => void (draft.splayMs = durationOf(value, flag)),
  wait: (draft, value, flag) => void (draft.wait = waitOf(value, flag)),
  'consul-addr': (draft, value) => void (draft.consulAddr = value),
}

/** Other names for the same, of older and newer versions of envconsul. */
const aliases: Readonly<Record<string, string>> = {
  splay: 'exec-splay',
  'exec-kill-signal': 'kill-signal',
  timeout: 'exec-kill-timeout',
  consul: 'consul-addr',
  h: 'help',
  v: 'version',
}

/**
 * Reads the command line as Go's flag package does: -flag VALUE, -flag=VALUE, one dash or two, up to the first argument that is
 * no flag, or to --. Throws EnvError (13).
 */
export const parseArguments = (argv: readonly string[]): Asked => {
  const draft: Draft = {
    prefixes: [],
    toggles: {
      upcase: false,
      sanitize: false,
      pristine: false,
      'no-prefix': true,
      once: false,
      help: false,
      version: false,
    },
    killSignal: 'SIGTERM',
    killTimeoutMs: 30_000,
    splayMs: 0,
    wait: [100, 400],
    consulAddr: undefined,
  }
  const words = [...argv]
  while (words[0]?.startsWith('-') === true && words[0] !== '-') {
    const word = words.shift() as string
    if (word === '--') break
    const [, given = '', attached] = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? []
    const name = aliases[given] ?? given
    if (Object.hasOwn(draft.toggles, name)) {
      draft.toggles[name as keyof Draft['toggles']] = toggleOf(attached ?? 'true', word)
      continue
    }
    const store = Object.hasOwn(values, name) ? values[name] : undefined
    if (store === undefined) throw wrong(`${word} is not a flag. armature-env -help lists them`)
    const value = attached ?? words.shift()
    if (value === undefined || value === '') throw wrong(`${word} needs a value`)
    store(draft, value, word)
  }
  const { help, version, upcase, sanitize, pristine, once } = draft.toggles
  if (help) return { kind: 'help' }
  if (version) return { kind: 'version' }
  if (draft.prefixes.length === 0) throw wrong('no prefix is named: pass -prefix PATH')
  if (words.length === 0) throw wrong('no command is named: pass it after the flags')
  const [quietMs, maxQuietMs] = draft.wait
  const { prefixes, killSignal, killTimeoutMs, splayMs, consulAddr } = draft
  const noPrefix = draft.toggles['no-prefix']
  const named = { upcase, sanitize, pristine, noPrefix, once, killSignal, killTimeoutMs, splayMs, consulAddr }
  return { kind: 'run', options: { ...named, prefixes, quietMs, maxQuietMs, command: words } }
}

const wrong = (message: string): EnvError => new EnvError(message, exitCodes.flags)

const prefixOf = (value: string, flag: string): string => {
  const path = value.replace(/^\/+|\/+$/g, '')
  if (path === '') throw wrong(`${flag}: the prefix is empty`)
  if (path.includes('@')) throw wrong(`${flag}: a datacenter (${value}) is not supported: name an agent of it instead`)
  return path
}

const signalOf = (value: string, flag: string): NodeJS.Signals => {
  const name = value.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  if (!Object.hasOwn(constants.signals, name)) throw wrong(`${flag}: ${value} is no signal, such as SIGTERM`)
  return name as NodeJS.Signals
}

const toggleOf = (value: string, flag: string): boolean => {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw wrong(`${flag}: is neither true nor false`)
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const maxDurationMs = 2 ** 31 - 1

/** `500ms`, `5s`, `1m30s`, `0`, as Go writes them. */
const durationOf = (value: string, flag: string): number => {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  const isWhole = parts.map(([part]) => part).join('') === value
  const ms =
    value === '0' ? 0 : parts.reduce((sum, [, number, unit]) => sum + Number(number) * (unitMs[unit ?? ''] ?? 0), 0)
  if ((!isWhole && value !== '0') || ms > maxDurationMs)
    throw wrong(`${flag}: ${value} is no duration, such as 5s or 500ms`)
  return Math.round(ms)
}

const waitOf = (value: string, flag: string): readonly [number, number] => {
  const [least = '', most] = value.split(':')
  const quietMs = durationOf(least, flag)
  const maxQuietMs = most === undefined ? 4 * quietMs : durationOf(most, flag)
  if (maxQuietMs < quietMs) throw wrong(`${flag}: the maximum is less than the minimum`)
  return [quietMs, maxQuietMs]
}
