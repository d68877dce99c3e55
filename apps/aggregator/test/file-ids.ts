import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The ids of all whole lines of the folder's files, also of those that are not complete. Throws for a line that is no JSON. */
export const fileIds = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.includes('.ndjson'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => (JSON.parse(line) as { id: string }).id)
