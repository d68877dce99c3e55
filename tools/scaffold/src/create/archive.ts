import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** A file or a symbolic link. npm packs no links and leaves some files out, so the template travels as one file. */
interface Entry {
  readonly path: string
  /** Base64. */
  readonly body?: string
  readonly isExecutable?: boolean
  readonly link?: string
}

const executable = 0o755

/** The files of these paths, as one compressed text. */
export const packFiles = (root: string, paths: readonly string[]): Buffer =>
  gzipSync(JSON.stringify(paths.map((path) => entryOf(root, path))), { level: 9 })

const entryOf = (root: string, path: string): Entry => {
  const place = join(root, path)
  const stat = lstatSync(place)
  if (stat.isSymbolicLink()) return { path, link: readlinkSync(place) }
  return { path, body: readFileSync(place).toString('base64'), isExecutable: (stat.mode & 0o100) !== 0 }
}

/** Writes the files of an archive to a folder. Throws for a path that leads out of it. */
export const unpackFiles = (archive: Buffer, folder: string): void => {
  const entries = JSON.parse(gunzipSync(archive).toString()) as readonly Entry[]
  for (const { path, body = '', isExecutable = false, link } of entries) {
    if (isAbsolute(path) || normalize(path).startsWith('..')) throw new Error(`the template holds the path ${path}`)
    const place = join(folder, path)
    mkdirSync(dirname(place), { recursive: true })
    if (link !== undefined) {
      symlinkSync(link, place)
      continue
    }
    writeFileSync(place, Buffer.from(body, 'base64'))
    if (isExecutable) chmodSync(place, executable)
  }
}
