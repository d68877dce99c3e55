import type { KvSource, KvValues } from './kv-source.ts'

export interface KvWatchOptions {
  source: KvSource
  /** At least one; told in this order. */
  prefixes: readonly string[]
  /** A change is told once nothing changed for so long. */
  quietMs: number
  /** At the latest after so long. Default 4 times `quietMs`, as envconsul. */
  maxQuietMs?: number
  /** Called with the values below each prefix, as soon as all have answered and then after changes. */
  onChange: (values: readonly KvValues[]) => void
  onFault?: ((fault: unknown) => void) | undefined
}

/**
 * Watches several prefixes as one. Changes that come together are told together (quiescence); after a failure nothing is told before
 * each prefix that failed has answered again. The answer ends it.
 */
export const watchKv = (options: KvWatchOptions): (() => void) => {
  const { source, prefixes, quietMs, maxQuietMs = 4 * quietMs, onChange, onFault } = options
  const known = new Map<string, KvValues>()
  /** Failed since they last answered: what they hold now may not fit what the others hold. */
  const failed = new Set<string>()
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
    failed.delete(prefix)
    if (known.size < new Set(prefixes).size || failed.size > 0) return
    if (!told) return tell()
    clearTimeout(quiet)
    quiet = setTimeout(tell, quietMs)
    latest ??= setTimeout(tell, maxQuietMs)
  }

  const failing = (prefix: string, fault: unknown): void => {
    failed.add(prefix)
    clearTimeout(quiet)
    clearTimeout(latest)
    latest = undefined
    onFault?.(fault)
  }

  const cancels = [...new Set(prefixes)].map((prefix) =>
    source.watch(
      prefix,
      (values) => changed(prefix, values),
      (fault) => failing(prefix, fault),
    ),
  )
  return () => {
    clearTimeout(quiet)
    clearTimeout(latest)
    for (const cancel of cancels) cancel()
  }
}
