import { execFile, spawn } from 'node:child_process'
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

/** For those who search whole outlines. */
export const wholeIndexSql =
  'create index if not exists whole on thing using gist (geom); analyze thing; analyze thing_part;'

/** Runs SQL by the psql beside the server's programs. */
export const psql = async (url: string, sql: string): Promise<string> => {
  const { stdout } = await run('psql', ['-XqtA', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql], { timeout: 1_800_000 })
  return stdout.trim()
}

/** Transactions a second and milliseconds of the search by point, prepared, by pgbench: without gRPC, driver and service. */
export const pgbench = async (url: string, folder: string, atOnce: number, seconds: number, script: string) => {
  const path = join(folder, 'point.sql')
  await writeFile(path, script)
  const args = [
    '-n',
    '-M',
    'prepared',
    '-c',
    String(atOnce),
    '-j',
    '2',
    '-T',
    String(Math.ceil(seconds)),
    '-f',
    path,
    url,
  ]
  const { stdout } = await run('pgbench', args)
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1])
  return { callsPerSecond: number(/tps = ([\d.]+)/), averageMs: number(/latency average = ([\d.]+)/) }
}

/** A server in a process of its own, whose port is what `pattern` finds in its output. */
export const startServer = async (
  command: readonly string[],
  pattern: RegExp,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) => {
  const [file = '', ...args] = command
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    const look = (chunk: Buffer) => {
      if (text.length > 100_000) return
      text += chunk.toString()
      const found = pattern.exec(text)?.[1]
      if (found !== undefined) resolve(Number(found))
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code}:\n${text}`)))
  })
  return { port, pid: child.pid ?? 0, stop: () => child.kill('SIGKILL') }
}
