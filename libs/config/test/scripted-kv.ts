import type { KvSource, KvValues } from '../src/kv-source.ts'

/** A KV store that holds what the test says. A prefix that was never set does not answer. */
export const scriptedKv = () => {
  const held = new Map<string, KvValues>()
  const watchers = new Set<{
    prefix: string
    onChange: (values: KvValues) => void
    onFault: (fault: unknown) => void
  }>()
  const source: KvSource = {
    watch: (prefix, onChange, onFault = () => undefined) => {
      const watcher = { prefix, onChange, onFault }
      watchers.add(watcher)
      queueMicrotask(() => {
        const values = held.get(prefix)
        if (values !== undefined && watchers.has(watcher)) onChange(values)
      })
      return () => void watchers.delete(watcher)
    },
    close: () => watchers.clear(),
  }
  return {
    source,
    watchers: () => watchers.size,
    set: (prefix: string, values: KvValues) => {
      held.set(prefix, values)
      for (const watcher of watchers) if (watcher.prefix === prefix) watcher.onChange(values)
    },
    fail: (fault: unknown) => {
      for (const { onFault } of watchers) onFault(fault)
    },
  }
}
