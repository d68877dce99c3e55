import { readFile } from 'node:fs/promises'
import { describeSettings } from '@armature/config/schema'
import { text, url } from '@armature/config/settings'
import * as z from 'zod'
import { sinkSettings } from './config.ts'
import type { PipelineSettings } from './one-pipeline.ts'

/**
 * The settings of a sink under the names that a file of pipelines has for them: without `sink`. A secret is not in that file: it names the
 * file that holds it. The URL is, without a password.
 */
const entries = describeSettings(z.object(sinkSettings)).map(({ key: setting, secret, schema }) => {
  const short = setting.slice('sink'.length)
  const isFile = secret && setting !== 'sinkUrl'
  return { setting, isFile, schema, key: `${short.charAt(0).toLowerCase()}${short.slice(1)}${isFile ? 'File' : ''}` }
})

/** A sink in a file of pipelines. */
export const sinkEntrySchema = z.strictObject({
  databaseUrl: url().optional().meta({ description: 'Database, postgres://...' }),
  ...Object.fromEntries(entries.map(({ key, isFile, schema }) => [key, isFile ? text().optional() : schema])),
})

export type SinkEntry = z.output<typeof sinkEntrySchema>

/** The settings of the sink, with its secrets read from their files. Rejects with what the file system says. */
export const sinkOf = async (entry: SinkEntry, databaseUrl: string): Promise<PipelineSettings['sink']> => {
  const given = entry as Readonly<Record<string, unknown>>
  const settings: Record<string, unknown> = {}
  for (const { setting, key, isFile } of entries) {
    const value = given[key]
    if (value === undefined) continue
    settings[setting] = typeof value === 'string' && isFile ? (await readFile(value, 'utf8')).trim() : value
  }
  return { ...z.object(sinkSettings).parse(settings), databaseUrl: entry.databaseUrl ?? databaseUrl }
}
