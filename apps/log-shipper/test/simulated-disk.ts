import type { Disk, DiskFile } from '../src/disk.ts'

export type Operation = 'create' | 'write' | 'sync' | 'remove' | 'replace'

interface Content {
  bytes: Buffer
  /** The contents after a power cut. */
  durable: Buffer
  nameIsDurable: boolean
}

/** A disk in memory that fails when told to, and loses what was not synced when its power is cut. */
export interface SimulatedDisk extends Disk {
  /** The next `count` such operations reject with `code`; of a write, the first half reaches the file. */
  fail(operation: Operation, code: string, count?: number): void
  /** Called before each operation; what it throws is the operation's failure. */
  onOperation: (operation: Operation, name: string) => void
  /** The disk as the next process finds it after this one died: all that was written is there. */
  afterCrash(): SimulatedDisk
  /**
   * The disk as it is found after its power was cut. Of what was not synced, `kept(max)` bytes (0 to max) are there; a
   * replaced file is the old one, the new one or an empty one.
   */
  afterPowerCut(kept: (max: number) => number): SimulatedDisk
  readonly files: ReadonlyMap<string, Content>
}

const failure = (code: string, operation: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${operation}`), { code })

export const simulatedDisk = (files = new Map<string, Content>()): SimulatedDisk => {
  const failures: { operation: Operation; code: string }[] = []
  let dead = false

  const before = (operation: Operation, name: string): string | undefined => {
    if (dead) throw failure('EDEAD', 'the process that held this disk has ended')
    disk.onOperation(operation, name)
    const index = failures.findIndex((each) => each.operation === operation)
    return index < 0 ? undefined : failures.splice(index, 1)[0]?.code
  }

  const contentOf = (name: string): Content => {
    const content = files.get(name)
    if (content === undefined) throw failure('ENOENT', name)
    return content
  }

  const fileOf = (name: string, content: Content): DiskFile => ({
    sizeBytes: content.bytes.length,
    write: async (bytes, position) => {
      const code = before('write', name)
      const written = code === undefined ? bytes : bytes.subarray(0, Math.floor(bytes.length / 2))
      const whole = Buffer.alloc(Math.max(content.bytes.length, position + written.length))
      content.bytes.copy(whole)
      whole.set(written, position)
      content.bytes = whole
      if (code !== undefined) throw failure(code, 'write')
    },
    read: async (position, length) => Buffer.from(content.bytes.subarray(position, position + length)),
    sync: async () => {
      const code = before('sync', name)
      if (code !== undefined) throw failure(code, 'sync')
      content.durable = Buffer.from(content.bytes)
    },
    truncate: async (sizeBytes) => {
      content.bytes = content.bytes.subarray(0, sizeBytes)
    },
    close: async () => undefined,
  })

  const disk: SimulatedDisk = {
    files,
    onOperation: () => undefined,
    fail: (operation, code, count = 1) => {
      for (let index = 0; index < count; index++) failures.push({ operation, code })
    },
    list: async () => [...files.keys()],
    create: async (name, durable) => {
      const code = before('create', name)
      if (code !== undefined) throw failure(code, 'create')
      const content = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), nameIsDurable: durable }
      files.set(name, content)
      return fileOf(name, content)
    },
    sync: async () => {
      const code = before('sync', '')
      if (code !== undefined) throw failure(code, 'sync')
      for (const content of files.values()) content.nameIsDurable = true
    },
    open: async (name) => fileOf(name, contentOf(name)),
    remove: async (name) => {
      before('remove', name)
      files.delete(name)
    },
    read: async (name) => files.get(name)?.bytes,
    replace: async (name, bytes) => {
      const code = before('replace', name)
      if (code !== undefined) throw failure(code, 'replace')
      const durable = files.get(name)?.durable ?? Buffer.alloc(0)
      files.set(name, { bytes: Buffer.from(bytes), durable, nameIsDurable: true })
    },
    afterCrash: () => {
      dead = true
      return simulatedDisk(new Map([...files].map(([name, content]) => [name, { ...content }])))
    },
    afterPowerCut: (kept) => {
      dead = true
      const found = new Map<string, Content>()
      for (const [name, { bytes, durable, nameIsDurable }] of files) {
        if (!nameIsDurable && kept(1) === 0) continue
        const left = name === 'cursor' ? [durable, bytes, Buffer.alloc(0)][kept(2)]! : tailCut(bytes, durable, kept)
        found.set(name, { bytes: left, durable: left, nameIsDurable: true })
      }
      return simulatedDisk(found)
    },
  }
  return disk
}

/** Sizes reach the disk before the data do: part of what is there may be zeros. */
const tailCut = (bytes: Buffer, durable: Buffer, kept: (max: number) => number): Buffer => {
  if (bytes.length <= durable.length) return Buffer.from(durable)
  const length = durable.length + kept(bytes.length - durable.length)
  const left = Buffer.from(bytes.subarray(0, length))
  left.fill(0, length - kept(length - durable.length))
  return left
}
