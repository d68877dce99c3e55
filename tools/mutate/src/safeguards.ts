import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Safeguard } from './safeguard.ts'

const fileName = /^safeguards-([a-z-]+)\.ts$/

/** All safeguards by area: those of `safeguards-<area>.ts` beside this file, in the order of their names. */
export const loadSafeguards = async (): Promise<ReadonlyMap<string, readonly Safeguard[]>> => {
  const areas = new Map<string, readonly Safeguard[]>()
  for (const name of readdirSync(import.meta.dirname).sort()) {
    const area = fileName.exec(name)?.[1]
    if (area === undefined) continue
    const loaded = (await import(pathToFileURL(join(import.meta.dirname, name)).href)) as {
      safeguards: readonly Safeguard[]
    }
    areas.set(area, loaded.safeguards)
  }
  return areas
}
