import { expect, test } from 'vitest'
import { crsProblem } from './crs.ts'

const named = (name: unknown) => ({ type: 'name', properties: { name } })

test.each([
  undefined,
  null,
  named('urn:ogc:def:crs:OGC:1.3:CRS84'),
  named('urn:ogc:def:crs:OGC::CRS84'),
  named('OGC:CRS84'),
  named('CRS84'),
  named('http://www.opengis.net/def/crs/OGC/1.3/CRS84'),
  named('https://www.opengis.net/def/crs/OGC/0/CRS84h'),
  named('urn:ogc:def:crs:EPSG::4326'),
  named('urn:ogc:def:crs:EPSG:9.9.1:4326'),
  named('urn:x-ogc:def:crs:EPSG:4326'),
  named('epsg:4326'),
  named('EPSG:4979'),
  named('http://www.opengis.net/def/crs/EPSG/0/4326'),
  named('http://www.opengis.net/gml/srs/epsg.xml#4326'),
  named(' WGS 84 '),
  { type: 'EPSG', properties: { code: 4326 } },
  'EPSG:4326',
])('%j is WGS 84', (crs) => expect(crsProblem(crs)).toBeUndefined())

test.each([
  [named('urn:ogc:def:crs:EPSG::3857'), 'its coordinates are in "urn:ogc:def:crs:EPSG::3857", not in WGS 84'],
  [named('EPSG:900913'), '"EPSG:900913"'],
  [named('EPSG:27700'), '"EPSG:27700"'],
  [named('EPSG:43260'), '"EPSG:43260"'],
  [named('EPSG:14326'), '"EPSG:14326"'],
  [named('urn:ogc:def:crs:OGC:1.3:CRS27'), 'CRS27'],
  [named('http://www.opengis.net/def/crs/EPSG/0/3857'), '3857'],
  [named('somewhere EPSG:4326'), 'somewhere'],
  [named('x'.repeat(200)), `"${'x'.repeat(99)}...`],
  [{ type: 'EPSG', properties: { code: 3857 } }, '"EPSG:3857"'],
  ['EPSG:2154', '"EPSG:2154"'],
  [named(7), 'names no coordinate system'],
  [{ type: 'link', properties: { href: 'http://example.org/crs/4326', type: 'proj4' } }, 'names no coordinate system'],
  [{}, 'crs is {}, which names no coordinate system'],
  [[], 'crs is []'],
  [4326, 'crs is 4326'],
  [true, 'crs is true'],
])('%j is told', (crs, problem) => expect(crsProblem(crs)).toContain(problem))
