import { drivenClock } from '@armature/async/clock'
import { openSpool, type Spool, type SpoolOptions } from '../src/spool.ts'
import type { SpooledLine } from '../src/spool-reader.ts'
import type { NewLine } from '../src/spool-writer.ts'
import type { Damage } from '../src/spool-recovery.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

export const line = (text: string): NewLine => ({ bytes: Buffer.from(text), cutBytes: 0, timeMs: 1_000 })
export const lines = (...texts: string[]): NewLine[] => texts.map(line)
export const text = ({ bytes }: Pick<SpooledLine, 'bytes'>) => Buffer.from(bytes).toString()
export const everything = { count: 10_000, bytes: 1_000_000 }

/** A spool on a driven clock, and the damage that it reported. */
export const opened = async (disk: SimulatedDisk, options: Partial<SpoolOptions> = {}) => {
  const damage: Damage[] = []
  const clock = drivenClock()
  const spool = await openSpool({
    disk,
    clock,
    maxBytes: 1_000_000,
    maxLineBytes: 1_000,
    sync: true,
    onDamage: (each) => damage.push(each),
    ...options,
  })
  return { spool, damage, clock, damagedLines: () => damage.reduce((sum, each) => sum + each.lines, 0) }
}

export const readAll = async (spool: Spool): Promise<string[]> => (await spool.read(everything)).lines.map(text)
