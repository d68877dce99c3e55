import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { cacheFolder } from '@armature/config/process'

/**
 * The files that PostGIS needs to be created and used. The rest (raster, topology, geocoder, the scripts from each older version) is two
 * thirds of the package, and PGlite unpacks and compiles all that is in a bundle at every start.
 */
const needed =
  /^(lib\/postgresql\/postgis-3\.so|share\/proj\/.+|share\/postgresql\/extension\/postgis(\.control|--\d+\.\d+\.\d+\.sql))$/

/** Without one of these the package has changed its layout. */
const expected = ['lib/postgresql/postgis-3.so', 'share/proj/proj.db', 'share/postgresql/extension/postgis.control']

/**
 * The bundle of npm pglite-postgis at `source`, reduced to what is needed and kept in the user's cache: the database opens in a
 * third of the time. Where it cannot be reduced or kept it is `source` itself.
 */
export const reducedBundle = (source: URL, cache = join(cacheFolder(), 'databases')): URL => {
  try {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', source), 'utf8')) as { version: string }
    const path = join(cache, `postgis-bundle-${version}.tar.gz`)
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true })
      const draft = `${path}.${process.pid}`
      const reduced = reduceTar(gunzipSync(readFileSync(source)))
      writeFileSync(draft, gzipSync(reduced, { level: constants.Z_BEST_SPEED }))
      renameSync(draft, path)
    }
    return pathToFileURL(path)
  } catch {
    return source
  }
}

const blockBytes = 512

/**
 * The entries of the archive whose paths are needed. An entry is a header block (path in bytes 0 to 99, size in octal in bytes 124 to
 * 135) and its content in whole blocks; two blocks of zeros end the archive (POSIX.1-2008, pax, ustar format). Throws where an
 * expected entry is not there.
 */
export const reduceTar = (tar: Buffer): Buffer => {
  const kept: Buffer[] = []
  const paths = new Set<string>()
  for (let offset = 0; offset + blockBytes <= tar.length;) {
    const header = tar.subarray(offset, offset + blockBytes)
    const path = textOf(header, 0, 100).replace(/^\.\//, '')
    if (path === '') break
    const contentBytes = parseInt(textOf(header, 124, 136), 8)
    const entryBytes = blockBytes + Math.ceil(contentBytes / blockBytes) * blockBytes
    if (needed.test(path)) {
      kept.push(tar.subarray(offset, offset + entryBytes))
      paths.add(path)
    }
    offset += entryBytes
  }
  const missing = expected.filter((path) => !paths.has(path))
  if (missing.length > 0) throw new Error(`the bundle of PostGIS has no ${missing.join(', ')}`)
  return Buffer.concat([...kept, Buffer.alloc(2 * blockBytes)])
}

const textOf = (block: Buffer, start: number, end: number): string =>
  block.subarray(start, end).toString('latin1').replace(/\0.*$/s, '').trim()
