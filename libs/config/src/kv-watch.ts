import type { KvSource, KvValues } from './kv-source.ts'

export interface KvWatchOptions {
  source: KvSource
  /** At least one; told in this order. */
  prefixes: readonly string[]
  /** A change is told once nothing changed for so long. */
  quietMs: number
  /** At the latest after so long. Default 4 times `quietMs`, as envconsul. */
  maxQuietMs?: number
  /** What is below each prefix: as soon as all have answered, then after changes. */
  onChange: (values: readonly KvValues[]) => void
  onFault?: ((fault: unknown) => void) | undefined
}

/** Watches several prefixes as one. Changes that come together are told together (quiescence). The answer ends it. */
export const watchKv = (options: KvWatchOptions): (() => void) => {
  const { source, prefixes, quietMs, maxQuietMs = 4 * quietMs, onChange, onFault } = options
  const known = new Map<string, KvValues>()
  let told = false
  let quiet: NodeJS.Timeout | undefined
  let latest: NodeJS.Timeout | undefined

  const tell = (): void => {
    clearTimeout(quiet)
    clearTimeout(latest)
    latest = undefined
    told = true
    onChange(prefixes.map((prefix) => known.get(prefix) ?? {}))
  }
  const changed = (prefix: string, values: KvValues): void => {
    known.set(prefix, values)
    if (known.size < new Set(prefixes).size) return
    if (!told) return tell()
    clearTimeout(quiet)
    quiet = setTimeout(tell, quietMs)
    latest ??= setTimeout(tell, maxQuietMs)
  }

  const cancels = [...new Set(prefixes)].map((prefix) =>
    source.watch(prefix, (values) => changed(prefix, values), onFault),
  )
  return () => {
    clearTimeout(quiet)
    clearTimeout(latest)
    for (const cancel of cancels) cancel()
  }
}
