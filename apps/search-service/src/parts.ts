/**
 * Points in one part of an outline. A search by point tests each part whose box holds the point, and a test takes the longer the
 * more points a part has: a country has up to 60,000.
 */
const maxPartPoints = 128

/**
 * SQL, a row a part: the polygons that a valid outline is cut into. Together they cover what the outline covers. A point exactly on
 * a slanted border may fall to the other side of it by the rounding of where it was cut (1e-14 degrees).
 */
export const partsOf = (geometry: string): string => `(ST_Dump(ST_Subdivide(${geometry}, ${maxPartPoints}))).geom`
