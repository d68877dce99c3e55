import { choice } from '@armature/config/settings'
import { command, type Command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { table } from '@armature/service/table'
import * as z from 'zod'
import { settings } from './config.ts'
import { spoolPath } from './spool-folder.ts'
import { existingFolder } from './existing-folder.ts'
import { inspectSpool, type SegmentReport, type SpoolReport } from './spool-inspection.ts'
import { replay } from './spool-replay.ts'

const { topic, spoolDir } = settings.shape
const inspected = z.object({
  topic,
  spoolDir,
  format: choice(['text', 'json']).default('text').meta({ description: 'How the answer is printed' }),
})

const list = command({
  summary: 'List the segments of a spool: lines, bytes, times, and how much of them is acknowledged',
  settings: inspected,
  run: async (config, { stdout, stderr }) => {
    const { segments } = await inspectionOf(config)
    if (config.format === 'json') for (const each of segments) stdout.write(`${JSON.stringify(jsonOf(each))}\n`)
    else if (segments.length > 0) stdout.write(table([heading, ...segments.map(row)]))
    const lines = segments.reduce((sum, each) => sum + each.lines - each.acknowledged, 0)
    stderr.write(`${counted(segments.length, 'segment')}, ${counted(lines, 'line')} not acknowledged\n`)
    return exitCodes.ok
  },
})

const verify = command({
  summary: 'Read every record of a spool; report what is damaged and end with 65 where something is',
  settings: inspected,
  run: async (config, { stdout, stderr }) => {
    const { segments, damage } = await inspectionOf(config)
    for (const each of damage) {
      const { file, offset, bytes, lines, problem } = each
      const text = `${file}: at ${offset}, ${counted(bytes, 'byte')}: ${counted(lines, 'line')} lost: ${problem}`
      stdout.write(`${config.format === 'json' ? JSON.stringify(each) : text}\n`)
    }
    const read = segments.reduce((sum, { lines }) => sum + lines, 0)
    const lost = damage.reduce((sum, { lines }) => sum + lines, 0)
    stderr.write(`${counted(segments.length, 'segment')}, ${counted(read, 'line')} read, ${lost} lost\n`)
    return damage.length === 0 ? exitCodes.ok : exitCodes.data
  },
})

/** `log-shipper spool ls | verify | replay`. */
export const spoolCommands: Readonly<Record<string, Command>> = {
  'spool ls': list,
  'spool verify': verify,
  'spool replay': replay,
}

const inspectionOf = async (config: z.output<typeof inspected>): Promise<SpoolReport> =>
  inspectSpool(existingFolder(spoolPath(config)))

const heading = ['SEGMENT', 'LINES', 'ACKNOWLEDGED', 'BYTES', 'FIRST', 'LAST']

const time = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString())

const row = ({ file, lines, acknowledged, bytes, firstTimeMs, lastTimeMs }: SegmentReport): string[] => [
  file,
  ...[lines, acknowledged, bytes].map(String),
  ...[firstTimeMs, lastTimeMs].map((ms) => time(ms) ?? '-'),
]

const jsonOf = ({ firstTimeMs, lastTimeMs, ...rest }: SegmentReport) => ({
  ...rest,
  firstTime: time(firstTimeMs),
  lastTime: time(lastTimeMs),
})

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
