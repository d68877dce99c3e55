import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Template } from '@armature/database/template'
import { importThings } from '@armature/search-service/import-things'
import { migrations } from '@armature/search-service/migrations'
import type { Thing } from '@armature/search-service/store'
import countryCodes from 'i18n-iso-countries'
import { feature } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'

type World = Topology<{ countries: GeometryCollection<{ name: string }> }>

/**
 * The world's countries and areas (Natural Earth 1:10m by npm world-atlas) as things: name, ISO 3166 alpha-2 code (empty for
 * the 16 of 255 areas that have no ISO number there) and outline as GeoJSON. The outlines are as published, 54 of them not
 * valid polygons: the store repairs them.
 */
export const worldThings = async (): Promise<readonly Thing[]> => {
  const path = createRequire(import.meta.url).resolve('world-atlas/countries-10m.json')
  const world = JSON.parse(await readFile(path, 'utf8')) as World
  return feature(world, world.objects.countries).features.map(({ id, properties, geometry }) => ({
    name: properties.name,
    code: (id === undefined ? undefined : countryCodes.numericToAlpha2(id)) ?? '',
    geometry: JSON.stringify(geometry),
  }))
}

/** Changes with the published outlines (as pinned in package.json), the tables they are put into, and how. */
const version = createHash('sha256')
  .update(JSON.stringify(['world-atlas 2.0.2', migrations, 2]))
  .digest('hex')
  .slice(0, 12)

/** A database that holds the world: loading it takes eight seconds, copying the loaded one a tenth. */
export const worldTemplate: Template = {
  name: 'world',
  version,
  build: async (database) => {
    await importThings(database, await worldThings())
  },
}
