import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
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
