/** A square, from its south-west corner. */
export const ringAt = (lng: number, lat: number, size = 1) => [
  [lng, lat],
  [lng + size, lat],
  [lng + size, lat + size],
  [lng, lat + size],
  [lng, lat],
]
/** One that has this ring, and the code ''. */
export const featureOf = (name: string, ring: readonly unknown[], type = 'Polygon') =>
  JSON.stringify({ type: 'Feature', properties: { name, code: '' }, geometry: { type, coordinates: [ring] } })
/** It crosses itself. */
export const bowTie = [
  [30, 0],
  [40, 10],
  [40, 0],
  [30, 10],
  [30, 0],
]
export const good = Array.from({ length: 5 }, (_, index) => featureOf(`Good ${index}`, ringAt(index * 2, 0)))
/** One of each kind. */
export const bad = [
  featureOf('open', ringAt(0, 0).slice(0, 4)),
  featureOf('crossed', bowTie),
  featureOf('line', ringAt(0, 0), 'LineString'),
  good[0]?.replace('[0,0]', '[NaN,0]') ?? '',
]
/** A feature a line, the first on line 2. */
export const collectionOf = (features: readonly string[]) =>
  `{"type":"FeatureCollection","features":[\n${features.join(',\n')}\n]}\n`
