import { shown } from './feature-error.ts'

/** The coordinates of a whole file are in another coordinate system. */
export class CrsError extends Error {
  override readonly name = 'CrsError'
}

const maxNameLength = 100

/** WGS 84 as EPSG has it, flat or with heights. */
const epsgCodes = /^(4326|4979)$/
const longNames = [
  /^(?:urn:(?:x-)?ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d+)$/i,
  /^https?:\/\/(?:www\.)?opengis\.net\/def\/crs\/EPSG\/[\d.]+\/(\d+)$/i,
  /^https?:\/\/(?:www\.)?opengis\.net\/gml\/srs\/epsg\.xml#(\d+)$/i,
]
const wgs84Names = [
  /^(?:urn:(?:x-)?ogc:def:crs:)?(?:OGC:)?(?:[\d.]*:)?CRS84h?$/i,
  /^https?:\/\/(?:www\.)?opengis\.net\/def\/crs\/OGC\/[\d.]+\/CRS84h?$/i,
  /^WGS[ _]?(?:19)?84$/i,
]

/**
 * Why the member `crs` of GeoJSON from before RFC 7946 is not WGS 84 with the longitude first; undefined where it is, or where there
 * is none.
 */
export const crsProblem = (crs: unknown): string | undefined => {
  if (crs === undefined || crs === null) return undefined
  const name = nameOf(crs)
  if (name === undefined) return `crs is ${shown(crs)}, which names no coordinate system`
  const code = longNames.map((pattern) => pattern.exec(name)?.[1]).find((found) => found !== undefined)
  const isWgs84 = code === undefined ? wgs84Names.some((pattern) => pattern.test(name)) : epsgCodes.test(code)
  return isWgs84 ? undefined : `its coordinates are in ${shown(name, maxNameLength)}, not in WGS 84`
}

/** `{"type":"name","properties":{"name":NAME}}`, its forerunner `{"type":"EPSG","properties":{"code":CODE}}`, or just the name. */
const nameOf = (crs: unknown): string | undefined => {
  if (typeof crs === 'string') return crs.trim()
  const { type, properties } = crs as { readonly type?: unknown; readonly properties?: unknown }
  const { name, code } = (properties ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  if (typeof name === 'string') return name.trim()
  const isCode = typeof code === 'number' || typeof code === 'string'
  return typeof type === 'string' && /^epsg$/i.test(type) && isCode ? `EPSG:${code}` : undefined
}
