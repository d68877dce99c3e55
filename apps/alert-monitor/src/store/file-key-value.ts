import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '@armature/durable-files/replace-file'
import { KeyValueConflict, type KeyValue, type KeyValueEntry } from '@armature/messaging/key-value'
import * as z from 'zod'

const contents = z.object({ version: z.literal(1), revision: z.int(), entries: z.record(z.string(), z.string()) })

type OnChange = Parameters<KeyValue['watch']>[0]

/**
 * A bucket in a file, for one process. The file is replaced as a whole: a kill and a power cut leave the old one or the new. A file that
 * cannot be understood is set aside. Once another process has written the file, nothing more is written here: `put` and `remove` reject and say
 * so. Rejects where the file cannot be read or its folder cannot be made.
 */
export const openFileKeyValue = async (path: string, warn: (problem: string) => void): Promise<KeyValue> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const kept = await read(path, warn)
  let { revision } = kept
  let mark = await markOf(path)
  const entries = new Map<string, KeyValueEntry>(
    Object.entries(kept.entries).map(([key, value]) => [key, { value, revision }]),
  )
  const listeners: OnChange[] = []
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined

  const write = async () => {
    next = undefined
    const text = JSON.stringify({
      ...{ version: 1, revision },
      entries: Object.fromEntries([...entries].map(([key, { value }]) => [key, value])),
    } satisfies z.infer<typeof contents>)
    if ((await markOf(path)) !== mark)
      throw new Error(
        `${path} is written by another process, too: give each monitor a file of its own by --alerts-state-file`,
      )
    await replaceFile(path, text, { durable: true })
    mark = await markOf(path)
  }
  /** Writes all that has changed. Changes that come during one write share the next. */
  const saved = (): Promise<void> => (next ??= running = running.catch(() => undefined).then(write))

  const check = (key: string, expected: number) => {
    if ((entries.get(key)?.revision ?? 0) !== expected) throw new KeyValueConflict(key)
  }
  const tell = (...change: Parameters<OnChange>) => {
    for (const listener of listeners) listener(...change)
  }

  return {
    get: (key) => Promise.resolve(entries.get(key)),
    put: async (key, value, expected) => {
      check(key, expected)
      revision += 1
      const entry = { value, revision }
      entries.set(key, entry)
      await saved()
      tell(key, entry, entry.revision)
      return entry.revision
    },
    remove: async (key, expected) => {
      check(key, expected)
      revision += 1
      entries.delete(key)
      const removed = revision
      await saved()
      tell(key, undefined, removed)
    },
    watch: (onChange) => {
      for (const [key, entry] of entries) onChange(key, entry, entry.revision)
      listeners.push(onChange)
      return Promise.resolve()
    },
    close: () => running.catch(() => undefined),
  }
}

const read = async (path: string, warn: (problem: string) => void): Promise<z.infer<typeof contents>> => {
  const nothing = { version: 1, revision: 0, entries: {} } as const
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return nothing
  const { data, error } = contents.safeParse(parsed(text))
  if (data !== undefined) return data
  const aside = `${path}.damaged`
  await rename(path, aside)
  warn(`the state of alerts is damaged (${error.issues[0]?.message}), now ${aside}: silences and claims begin anew`)
  return nothing
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Tells a file from the one that was there before; undefined = there is none. */
const markOf = async (path: string): Promise<string | undefined> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found && `${found.ino} ${found.mtimeNs} ${found.size}`
}
