import { availableParallelism } from 'node:os'
import { spreadOf, written } from './compare.ts'
import { childrenOf, meterOf } from './processor-time.ts'
import { searchService, type World } from './search-contenders.ts'
import { jobs, measure, type Measured } from './search-load.ts'

const load = { atOnce: 64, connections: 8 }

/** search-service with one process and with two workers on one port, by point, alternated. Says what each process took of a processor. */
export const compareWorkers = async (
  world: World,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<string> => {
  const [one, two] = [await searchService(world), await searchService(world, '--workers', '2')]
  try {
    const contenders = [
      { ...one, pids: [one.pid] },
      { ...two, pids: [two.pid, ...childrenOf(two.pid)] },
    ]
    const results: Measured[][] = [[], []]
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, { port, pids }] of contenders.entries()) {
        const where = { port, folder: world.folder }
        const result = await measure(jobs().point, where, { ...load, seconds }, pids.map(meterOf))
        if (round > 0) results[index]?.push(result)
      }
    }
    const [single = [], double = []] = results
    const rate = (measured: readonly Measured[]) => spreadOf(measured.map(({ callsPerSecond }) => callsPerSecond))
    const ratio = spreadOf(
      double.map(({ callsPerSecond }, round) => callsPerSecond / (single[round]?.callsPerSecond ?? NaN)),
    )
    const shares = (measured: readonly Measured[], index: number) =>
      spreadOf(measured.map(({ cpuMs, callsPerSecond }) => ((cpuMs[index] ?? NaN) * callsPerSecond) / 10)).median
    const names = ['first process', 'worker', 'worker']
    const taken = names.map((name, index) => `${name} ${shares(double, index).toFixed(0)} %`)
    return [
      `#### Workers: ${load.atOnce} calls at once over ${load.connections} connections, nproc ${availableParallelism()}`,
      '',
      `One process ${rate(single).median.toFixed(0)} calls/s (${shares(single, 0).toFixed(0)} % of a processor), two workers ` +
        `${rate(double).median.toFixed(0)} (${taken.join(', ')}): ${written(ratio, 2)} times`,
      '',
    ].join('\n')
  } finally {
    one.stop()
    two.stop()
  }
}
