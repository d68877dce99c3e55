import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  version: string
}

/** The tag of an image of this workspace. */
export const named = (name: string) => `armature/${name}:${version}`

export const probeImage = named('armature-probe')
export const cliImage = named('armature')
export const searchImage = named('armature-search')

/** All that a cluster needs, as `nx run-many -t image` names them. */
export const appImages: readonly string[] = [
  ...['search-service', 'alert-monitor', 'reactor', 'aggregator', 'log-shipper'].map(named),
  probeImage,
  cliImage,
  searchImage,
]
