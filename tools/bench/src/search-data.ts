import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { feature } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'

type World = Topology<{ countries: GeometryCollection<{ name: string }> }>

export const run = promisify(execFile)

/** The countries of world-atlas at 1:10m, a feature a line, as `things import` takes it. */
export const writeCountries = async (path: string): Promise<void> => {
  const source = createRequire(import.meta.url).resolve('world-atlas/countries-10m.json')
  const world = JSON.parse(await readFile(source, 'utf8')) as World
  const out = createWriteStream(path)
  for (const one of feature(world, world.objects.countries).features) out.write(`${JSON.stringify(one)}\n`)
  await new Promise((resolve) => out.end(() => resolve(undefined)))
}

/** Polygons of 4 to 40 points and up to a degree anywhere, as the importer stores them. The same each time. */
export const polygonsSql = (count: number): string => `
  select setseed(0.5);
  truncate thing, thing_part;
  insert into thing (name, code, geom)
    select 'Place ' || md5(n::text), '',
           ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(random() * 358 - 179, random() * 178 - 89), 4326),
                              random() * 0.5 + 0.01, (random() * 9)::int + 1))
    from generate_series(1, ${count}) as n;
  insert into thing_part select id, (ST_Dump(geom)).geom from thing;`

/** For those who search whole outlines: the index that PostGIS advises, and a table as SQLAlchemy's create_all leaves it, without one. */
export const wholeSql = `
  create index if not exists whole on thing using gist (geom);
  drop table if exists unindexed;
  create table unindexed as select id, name, geom from thing;
  analyze;`

/** Runs SQL by the psql beside the server's programs. */
export const psql = async (url: string, sql: string): Promise<string> => {
  const { stdout } = await run('psql', ['-XqtA', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql], { timeout: 1_800_000 })
  return stdout.trim()
}

/** The search by point as search-service asks it, at points all over the inhabited latitudes. */
const pointScript = `\\set lat random(-65000, 85000)
\\set lng random(-179000, 179000)
with page as materialized (select distinct thing_id as id from thing_part
  where ST_Covers(thing_part.geom, ST_SetSRID(ST_MakePoint(:lng / 1000.0, :lat / 1000.0), 4326)) and thing_id + 0 > 0
  order by id limit 11)
select thing.id::text as id, name, code from page join thing using (id) order by thing.id;
`

/** Transactions a second of the search by point, prepared, by pgbench: without gRPC, driver and service. */
export const pgbench = async (
  url: string,
  folder: string,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<number> => {
  const path = join(folder, 'point.sql')
  await writeFile(path, pointScript)
  const load = ['-c', String(connections), '-j', '2', '-T', String(Math.ceil(seconds))]
  const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', ...load, '-f', path, url])
  return Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
}
