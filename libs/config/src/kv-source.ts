import type { ConsulConfig } from './consul.ts'

/** Keys below a prefix, without it, and their texts. */
export type KvValues = Readonly<Record<string, string>>

/** A store of settings that can be watched, such as Consul KV. */
export interface KvSource {
  /**
   * Calls `onChange` with what is below the prefix soon, though never before `watch` returned, and again after each change, until
   * cancelled by the answer. `onFault` is told when it cannot be had; once it can again, `onChange` is called, changed or not.
   */
  watch(prefix: string, onChange: (values: KvValues) => void, onFault?: (fault: unknown) => void): () => void
  /** Ends all watches and what they opened. */
  close(): void
}

/** A store as the settings name it. `origin` tells it from others: what was good in one is never taken for another. */
export interface OpenedKv {
  readonly source: KvSource
  readonly origin: string
}

/** Opens the store that the settings name; undefined where they name none. */
export type OpenKv = (config: Partial<ConsulConfig>) => OpenedKv | undefined
