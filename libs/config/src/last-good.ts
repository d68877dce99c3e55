import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { KvValues } from './kv-source.ts'

const maxBytes = 16 * 1024 * 1024

/** A file of one service: what KV held when it was last found good. */
export interface LastGood {
  readonly path: string
  /** Undefined where there is none, or none that can be read. */
  read(): KvValues | undefined
  /** Throws where it cannot be written. */
  write(values: KvValues): void
}

/**
 * The last good values of a service, below `folder`, a file a service and store (`origin`: its address and prefixes), so that those
 * of another store are never taken. Only its owner may read it, since KV may hold secrets. Replaced as a whole: a kill and a power cut
 * leave the old or the new one, and the new one once `write` has returned.
 */
export const lastGood = (folder: string, service: string, origin: string): LastGood => {
  const path = join(folder, `${service}-${createHash('sha256').update(origin).digest('hex').slice(0, 12)}.json`)
  return {
    path,
    read: () => {
      try {
        if (statSync(path).size > maxBytes) return undefined
        const held: unknown = JSON.parse(readFileSync(path, 'utf8'))
        const isValues =
          typeof held === 'object' &&
          held !== null &&
          !Array.isArray(held) &&
          Object.values(held).every((value) => typeof value === 'string')
        return isValues ? { ...(held as KvValues) } : undefined
      } catch {
        return undefined
      }
    },
    write: (values) => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      const draft = `${path}.${randomUUID()}`
      try {
        writeFileSync(draft, JSON.stringify(values), { mode: 0o600, flush: true })
        renameSync(draft, path)
        syncFolder(dirname(path))
      } finally {
        rmSync(draft, { force: true })
      }
    },
  }
}

/** The names of its files survive a power cut after this. */
const syncFolder = (path: string): void => {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
