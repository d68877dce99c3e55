import { basename, dirname, join, relative, sep } from 'node:path'

/** A program's calls of the file system, in the order in which they were done. Paths are absolute. */
export type DiskEvent =
  | {
      readonly kind: 'open'
      readonly fd: number
      readonly path: string
      readonly creates: boolean
      readonly truncates: boolean
    }
  | { readonly kind: 'write'; readonly fd: number; readonly bytes: Buffer; readonly position: number | undefined }
  | { readonly kind: 'truncate'; readonly fd: number; readonly sizeBytes: number }
  | { readonly kind: 'sync' | 'close'; readonly fd: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove' | 'make folder'; readonly path: string }

/** Files by their paths relative to the root of the model. */
export type DiskImage = ReadonlyMap<string, Buffer>

export interface DiskModel {
  apply(event: DiskEvent): void
  /** The files that the next process finds when this one is killed. */
  afterKill(): DiskImage
  /**
   * The files after a power cut. A file has the contents of its last sync. With `synced` the names too are those of the last sync of their
   * folder. With `all` every change of a name has reached the disk, though the contents of the files have not.
   */
  afterPowerCut(names: 'synced' | 'all'): DiskImage
}

interface FileNode {
  now: Buffer
  durable: Buffer
}

interface FolderNode {
  now: Map<string, Node>
  durable: Map<string, Node>
}

type Node = FileNode | FolderNode

const isFile = (node: Node | undefined): node is FileNode => node !== undefined && Buffer.isBuffer(node.now)
const isFolder = (node: Node | undefined): node is FolderNode => node !== undefined && !Buffer.isBuffer(node.now)
const newFolder = (): FolderNode => ({ now: new Map(), durable: new Map() })

/**
 * A folder as POSIX lets it be after a fault, and no better: only fsync and fdatasync keep what a file holds, only fsync of a folder keeps
 * its names. `held` are the files that it holds at first, not synced yet, in folders that are; the root itself is durable. Events elsewhere are passed over.
 */
export const diskModel = (root: string, held: DiskImage = new Map()): DiskModel => {
  const top = newFolder()
  const opened = new Map<number, { readonly node: Node; position: number }>()

  const isWithin = (path: string): boolean => path === root || path.startsWith(`${root}${sep}`)
  const nodeAt = (path: string): Node | undefined => {
    let node: Node | undefined = top
    for (const name of relative(root, path).split(sep).filter(Boolean))
      node = isFolder(node) ? node.now.get(name) : undefined
    return node
  }
  const folderOf = (path: string): Map<string, Node> => {
    const folder = nodeAt(dirname(path))
    if (!isFolder(folder)) throw new Error(`the model has no folder for ${path}`)
    return folder.now
  }
  const heldFolder = (path: string): void => {
    if (path === root || nodeAt(path) !== undefined) return
    heldFolder(dirname(path))
    const folder = newFolder()
    folderOf(path).set(basename(path), folder)
    const parent = nodeAt(dirname(path))
    if (isFolder(parent)) parent.durable.set(basename(path), folder)
  }
  for (const [name, bytes] of held) {
    heldFolder(dirname(join(root, name)))
    folderOf(join(root, name)).set(basename(name), { now: bytes, durable: Buffer.alloc(0) })
  }

  const write = (fd: number, bytes: Buffer, given: number | undefined): void => {
    const target = opened.get(fd)
    if (target === undefined || !isFile(target.node)) return
    const { node } = target
    const start = given ?? target.position
    const whole = Buffer.alloc(Math.max(node.now.length, start + bytes.length))
    node.now.copy(whole)
    bytes.copy(whole, start)
    node.now = whole
    if (given === undefined) target.position = start + bytes.length
  }

  const apply = (event: DiskEvent): void => {
    switch (event.kind) {
      case 'open': {
        opened.delete(event.fd)
        if (!isWithin(event.path)) return
        if (event.creates && nodeAt(event.path) === undefined)
          folderOf(event.path).set(basename(event.path), { now: Buffer.alloc(0), durable: Buffer.alloc(0) })
        const node = nodeAt(event.path)
        if (node === undefined) return
        if (event.truncates && isFile(node)) node.now = Buffer.alloc(0)
        opened.set(event.fd, { node, position: 0 })
        return
      }
      case 'write':
        return write(event.fd, event.bytes, event.position)
      case 'truncate': {
        const node = opened.get(event.fd)?.node
        if (isFile(node)) node.now = Buffer.concat([node.now.subarray(0, event.sizeBytes)], event.sizeBytes)
        return
      }
      case 'sync': {
        const node = opened.get(event.fd)?.node
        if (isFile(node)) node.durable = node.now
        else if (isFolder(node)) node.durable = new Map(node.now)
        return
      }
      case 'close':
        return void opened.delete(event.fd)
      case 'rename': {
        const node = isWithin(event.from) ? nodeAt(event.from) : undefined
        if (node === undefined) return
        folderOf(event.from).delete(basename(event.from))
        if (isWithin(event.to)) folderOf(event.to).set(basename(event.to), node)
        return
      }
      case 'remove':
        return void (isWithin(event.path) && folderOf(event.path).delete(basename(event.path)))
      case 'make folder':
        if (isWithin(event.path)) folderOf(event.path).set(basename(event.path), newFolder())
    }
  }

  return {
    apply,
    afterKill: () => imageOf(top, 'now', 'now'),
    afterPowerCut: (names) => imageOf(top, names === 'all' ? 'now' : 'durable', 'durable'),
  }
}

const imageOf = (top: FolderNode, names: 'now' | 'durable', content: 'now' | 'durable'): DiskImage => {
  const found = new Map<string, Buffer>()
  const visit = (folder: FolderNode, path: string): void => {
    for (const [name, node] of folder[names]) {
      if (isFile(node)) found.set(join(path, name), Buffer.from(node[content]))
      else if (isFolder(node)) visit(node, join(path, name))
    }
  }
  visit(top, '')
  return found
}
