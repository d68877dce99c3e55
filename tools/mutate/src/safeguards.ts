import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Safeguard } from './safeguard.ts'

const fileName = /^safeguards-([a-z-]+)\.ts$/

const root = join(import.meta.dirname, '../../..')

/** Whether the project or chart of this file is in the workspace: who deletes an app leaves its entries behind. */
const isHere =
  (workspace: string) =>
  (path: string): boolean =>
    ['package.json', 'Chart.yaml'].some((name) => existsSync(join(workspace, ...path.split('/').slice(0, 2), name)))

/**
 * The safeguards of a workspace, by default this one, by area: those of `safeguards-<area>.ts` beside this file, in the order of their names. Those of a
 * project that is not here are left out, and so are those that only such a project tests.
 */
export const loadSafeguards = async (workspace = root): Promise<ReadonlyMap<string, readonly Safeguard[]>> => {
  const areas = new Map<string, readonly Safeguard[]>()
  for (const name of readdirSync(import.meta.dirname).sort()) {
    const area = fileName.exec(name)?.[1]
    if (area === undefined) continue
    const loaded = (await import(pathToFileURL(join(import.meta.dirname, name)).href)) as {
      safeguards: readonly Safeguard[]
    }
    areas.set(
      area,
      loaded.safeguards.filter(
        ({ file, tests }) => isHere(workspace)(file) && (tests.length === 0 || tests.some(isHere(workspace))),
      ),
    )
  }
  return areas
}
