import { systemClock, type Clock } from '@armature/async/clock'
import { wholeOption } from '@armature/async/option-checks'
import type { Inbox, InboxKey } from './inbox.ts'

interface Entry {
  readonly isHandled: boolean
  readonly contents: string
  readonly endsAtMs: number
}

/** An inbox of this process alone, for tests. Beyond `maxKeys` (default 100,000) the oldest key is forgotten. */
export const createMemoryInbox = (options: { readonly clock?: Clock; readonly maxKeys?: number } = {}): Inbox => {
  const { clock = systemClock() } = options
  const maxKeys = wholeOption('maxKeys', options.maxKeys ?? 100_000, 1)
  const entries = new Map<string, Entry>()

  const textOf = ({ handler, key }: InboxKey) => JSON.stringify([handler, key])

  const put = (text: string, entry: Entry) => {
    entries.delete(text)
    entries.set(text, entry)
    const [oldest] = entries.keys()
    if (entries.size > maxKeys && oldest !== undefined) entries.delete(oldest)
  }

  return {
    claim: (key, { contents, leaseMs }) => {
      const text = textOf(key)
      const held = entries.get(text)
      if (held !== undefined && held.endsAtMs > clock.now()) {
        return Promise.resolve(held.isHandled ? { state: 'handled', contents: held.contents } : { state: 'busy' })
      }
      put(text, { isHandled: false, contents, endsAtMs: clock.now() + leaseMs })
      return Promise.resolve({ state: 'claimed' })
    },
    finish: (key, { contents, expiryMs }) => {
      put(textOf(key), { isHandled: true, contents, endsAtMs: clock.now() + expiryMs })
      return Promise.resolve()
    },
    release: (key) => {
      const text = textOf(key)
      if (entries.get(text)?.isHandled === false) entries.delete(text)
      return Promise.resolve()
    },
  }
}
