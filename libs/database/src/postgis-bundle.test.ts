import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reducedBundle } from './postgis-bundle.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundle-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const essential = ['lib/postgresql/postgis-3.so', 'share/proj/proj.db', 'share/postgresql/extension/postgis.control']

/** A package like npm's: dist/postgis.tar.gz, made by tar, beside its package.json. */
const packaged = (paths: readonly string[]): URL => {
  for (const path of paths) {
    mkdirSync(join(folder, 'content', path, '..'), { recursive: true })
    writeFileSync(join(folder, 'content', path), `content of ${path}`.padEnd(700, '.'))
  }
  mkdirSync(join(folder, 'package/dist'), { recursive: true })
  writeFileSync(join(folder, 'package/package.json'), '{"version":"1.2.3"}')
  const tar = execFileSync('tar', ['--create', '--format=ustar', ...paths], { cwd: join(folder, 'content') })
  const source = join(folder, 'package/dist/postgis.tar.gz')
  writeFileSync(source, gzipSync(tar))
  return pathToFileURL(source)
}

const cache = () => join(folder, 'cache')

test('keeps what is needed, whole, and nothing else', () => {
  const script = 'share/postgresql/extension/postgis--3.6.2.sql'
  const wanted = [...essential, script, 'share/proj/nad27']
  const others = [
    'lib/postgresql/postgis_raster-3.so',
    'share/postgresql/extension/postgis--3.6.1--3.6.2.sql',
    'share/postgresql/extension/postgis_topology.control',
  ]
  const reduced = fileURLToPath(reducedBundle(packaged([...others, ...wanted, 'share/other']), cache()))
  expect(reduced).toBe(join(cache(), 'postgis-bundle-1.2.3.tar.gz'))
  const list = execFileSync('tar', ['--list', '--file', reduced], { encoding: 'utf8' })
  expect(list.trim().split('\n').toSorted()).toEqual(wanted.toSorted())
  const content = execFileSync('tar', ['--extract', '--to-stdout', '--file', reduced, script], { encoding: 'utf8' })
  expect(content).toBe(`content of ${script}`.padEnd(700, '.'))
})

test('is made once', () => {
  const source = packaged(essential)
  const reduced = fileURLToPath(reducedBundle(source, cache()))
  writeFileSync(reduced, 'kept')
  expect(fileURLToPath(reducedBundle(source, cache()))).toBe(reduced)
  expect(readFileSync(reduced, 'utf8')).toBe('kept')
  expect(readdirSync(cache())).toEqual(['postgis-bundle-1.2.3.tar.gz'])
})

test.each(essential)('a package without %s is used as it is', (missing) => {
  const source = packaged(essential.filter((path) => path !== missing))
  expect(reducedBundle(source, cache())).toBe(source)
  expect(existsSync(join(cache(), 'postgis-bundle-1.2.3.tar.gz'))).toBe(false)
})

test('a cache that cannot be written to and a file that is no bundle leave the package as it is', () => {
  const source = packaged(essential)
  writeFileSync(cache(), 'a file, not a folder')
  expect(reducedBundle(source, cache())).toBe(source)
  writeFileSync(fileURLToPath(source), 'no archive')
  expect(reducedBundle(source, join(folder, 'other'))).toBe(source)
})
