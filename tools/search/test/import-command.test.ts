import { execFile } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { startOnTerminal } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migrations } from '@armature/search-service/migrations'
import { migrate } from '@armature/database/migrate'
import { bad, collectionOf, featureOf, good } from './features.ts'

const main = join(import.meta.dirname, '../src/main.ts')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('import', { timeout: 120_000 }, () => {
  let server: RunningServer
  let database: Database
  beforeAll(async () => {
    server = await startPostgres()
    database = await openDatabase(server.url)
    await migrate(database, migrations)
  }, serverDeadlineMs)
  afterAll(async () => {
    await database.close()
    await server.stop()
  }, 60_000)
  beforeEach(() => database.query('truncate thing, thing_part'))

  const cli = (args: readonly string[], { url = server.url, input = '' } = {}) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], ...(url === '' ? {} : { DATABASE_URL: url }) }
      const options = { env, timeout: 60_000, cwd: folder }
      execFile(process.execPath, [main, 'import', ...args], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      ).stdin?.end(input)
    })
  const count = async () => (await database.query<{ n: number }>('select count(*) as n from thing')).rows[0]?.n

  test('reads a collection, tells what is bad by file and line, and exits with 0', async () => {
    writeFileSync(join(folder, 'mixed.geojson'), collectionOf([...good, ...bad]))
    const { code, stdout, stderr } = await cli(['mixed.geojson'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '5 imported, 4 bad\n' })
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(4)
    expect(stderr).toContain('mixed.geojson:7: feature 6: ring 1 is not closed\n')
    expect(await count()).toBe(5)
  })

  test('reads a feature a line, by the name’s ending or by --lines; a line that is broken is one bad feature', async () => {
    const text = [good[0], '{"type":"Feature"', good[1], ''].join('\n')
    writeFileSync(join(folder, 'lines.ndjson'), text)
    expect(await cli(['lines.ndjson', '--format=json'])).toEqual({
      code: 0,
      stdout: '{"imported":2,"skipped":1,"repaired":0,"withoutArea":0,"doubtful":0}\n',
      stderr: 'lines.ndjson:2: feature 2: it is no JSON\n',
    })
    expect(await cli(['-', '--lines'], { input: text })).toMatchObject({ code: 0, stdout: '2 imported, 1 bad\n' })
    expect(await cli(['-'], { input: text })).toMatchObject({ code: 65, stdout: '' })
    expect(await count()).toBe(4)
  })

  test.each([
    { what: 'nothing is usable', text: collectionOf(bad), says: 'nothing was imported' },
    { what: 'there is no feature', text: collectionOf([]), says: 'nothing was imported' },
    { what: 'there is nothing at all', text: '', says: 'nothing was imported' },
    { what: 'it is TopoJSON', text: '{"type":"Topology","objects":{}}', says: 'its type is "Topology"' },
    {
      what: 'its crs is not WGS 84',
      text: collectionOf(good).replace(
        '"features"',
        '"crs":{"type":"name","properties":{"name":"EPSG:3857"}},"features"',
      ),
      says: '-: its coordinates are in "EPSG:3857", not in WGS 84',
    },
  ])('bug: exited with 0: a file of which $what', async ({ text, says }) => {
    const { code, stderr } = await cli(['-'], { input: text })
    expect(code).toBe(65)
    expect(stderr).toContain(says)
    expect(await count()).toBe(0)
  })

  test('reports a doubtful feature by file and line', async () => {
    const wide = featureOf('Wide', [
      [-170, 0],
      [170, 0],
      [170, 10],
      [-170, 10],
      [-170, 0],
    ])
    const { code, stdout, stderr } = await cli(['-'], { input: wide })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1 imported, 0 bad, 1 doubtful\n' })
    expect(stderr).toContain('-:1: feature 1: doubtful: the edge from point 1 to 2 of ring 1 is 340 degrees long')
  })

  test('--strict exits with 65 and imports nothing', async () => {
    writeFileSync(join(folder, 'strict.geojson'), collectionOf([...good, ...bad]))
    expect(await cli(['strict.geojson', '--strict'])).toMatchObject({ code: 65, stdout: '0 imported, 4 bad\n' })
    expect(await count()).toBe(0)
  })

  test.each([
    { what: 'a file that is not there', args: ['nowhere.geojson'], url: undefined, code: 74, says: 'nowhere.geojson' },
    { what: 'a folder', args: ['.'], url: undefined, code: 74, says: '. cannot be read' },
    { what: 'no file', args: [], url: undefined, code: 64, says: 'FILE' },
    { what: 'no database', args: ['x.geojson'], url: '', code: 64, says: 'DATABASE_URL' },
    { what: 'no server', args: ['-'], url: 'postgres://u:canary@127.0.0.1:1/x', code: 69, says: '127.0.0.1' },
  ])('$what is exit code $code', async ({ args, url, code, says }) => {
    const ended = await cli(args, url === undefined ? {} : { url })
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(says)
    expect(ended.stderr).not.toContain('canary')
  })

  test('a file of any size is read in bounded memory, with progress on a terminal', async () => {
    const path = join(folder, 'large.geojson')
    const out = createWriteStream(path)
    const round = Array.from({ length: 400 }, (_, index) => {
      const angle = (index * 2 * Math.PI) / 400
      return [100 + Math.cos(angle), Math.sin(angle)]
    })
    const feature = featureOf('Round', [...round, round[0]])
    out.write('{"type":"FeatureCollection","features":[')
    const bytes = 100_000_000
    for (let written = 0; written < bytes; written += feature.length + 1) {
      // All but a few are bad and cost the database nothing.
      const one = written < 1_000_000 ? feature : feature.replace('"Polygon"', '"LineString"')
      if (!out.write(`${written === 0 ? '' : ','}${one}`)) await once(out, 'drain')
    }
    out.end(']}')
    await once(out, 'close')
    const node = `${process.execPath} --max-old-space-size=64 ${main} import ${path} --database-url ${server.url}`
    const terminal = startOnTerminal(node)
    try {
      await terminal.until(/features, \d+ %/, 60_000)
      const [, imported, skipped] = await terminal.until(/(\d+) imported, (\d+) bad/, 90_000)
      expect(Number(imported) + Number(skipped)).toBeGreaterThan(bytes / (feature.length + 10))
      expect(terminal.output()).toContain('further bad features are counted only')
      expect(await terminal.ended()).toMatchObject({ code: 0 })
    } finally {
      await terminal.kill()
    }
  })
})
