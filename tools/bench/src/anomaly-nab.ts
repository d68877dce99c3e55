import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execute } from '@armature/servers/execute'
import type { Surprise } from './anomaly-peers.ts'

const scoreDeadlineMs = 120_000

interface Series {
  /** `realTweets/Twitter_volume_AAPL.csv` */
  readonly path: string
  readonly points: readonly { readonly stamp: string; readonly atMs: number; readonly value: number }[]
}

/** The series of the Numenta Anomaly Benchmark (github.com/numenta/NAB) in `folder`: `data/`, `windows.json` and its scorer `score.py`. */
export const nabOf = async (folder: string) => {
  const windows = JSON.parse(await readFile(join(folder, 'windows.json'), 'utf8')) as Record<string, unknown>
  const series = await Promise.all(Object.keys(windows).map((path) => seriesOf(folder, path)))
  return {
    /** The normalized scores of a detector by profile, from 0 (silent) to 100 (perfect). */
    scores: async (create: () => Surprise): Promise<Readonly<Record<string, number>>> => {
      const results = await mkdtemp(join(tmpdir(), 'nab-'))
      try {
        for (const { path, points } of series) {
          const surprise = create()
          const rows = points.map(({ stamp, atMs, value }) => `${stamp},${value},${surprise(atMs, value)}`)
          const [group = '', name = ''] = path.split('/')
          await mkdir(join(results, dirname(path)), { recursive: true })
          await writeFile(join(results, group, `bench_${name}`), `timestamp,value,anomaly_score\n${rows.join('\n')}\n`)
        }
        const printed = await execute('python3', [join(folder, 'score.py'), '--results', results], {
          deadlineMs: scoreDeadlineMs,
        })
        return Object.fromEntries(
          [...printed.matchAll(/(\w+)=([\d.]+)/g)].map(([, name = '', score]) => [name, Number(score)]),
        )
      } finally {
        await rm(results, { recursive: true, force: true })
      }
    },
  }
}

const seriesOf = async (folder: string, path: string): Promise<Series> => {
  const [, ...rows] = (await readFile(join(folder, 'data', path), 'utf8')).trim().split(/\r?\n/)
  const points = rows.map((row) => {
    const [stamp = '', value] = row.split(',')
    return { stamp, atMs: Date.parse(`${stamp.replace(' ', 'T')}Z`), value: Number(value) }
  })
  return { path, points }
}
