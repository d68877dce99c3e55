import type { Migrations } from '@armature/database/migrate'
import { partsOf } from './parts.ts'

export const migrations: Migrations = {
  owner: 'search-service',
  steps: [
    {
      name: 'thing',
      statements: [
        'create extension if not exists postgis',
        `create table thing (
           id bigint generated always as identity primary key,
           name text not null,
           code text not null,
           geom geometry(MultiPolygon, 4326) not null
         )`,
        'create index thing_geom on thing using gist (geom)',
      ],
    },
    {
      name: 'parts of outlines for searches by point, trigrams of names',
      statements: [
        'create extension if not exists pg_trgm',
        'create index thing_name on thing using gin (name gin_trgm_ops) with (fastupdate = off)',
        `create table thing_part (
           thing_id bigint not null references thing on delete cascade,
           geom geometry(Polygon, 4326) not null
         )`,
        `insert into thing_part (thing_id, geom) select id, ${partsOf('geom')} from thing`,
        'create index thing_part_geom on thing_part using gist (geom)',
        'create index thing_part_thing_id on thing_part (thing_id)',
        {
          sql: `select id from thing
                where not ST_IsEmpty(geom) and not exists (select from thing_part where thing_id = thing.id)`,
          count: 0,
        },
        'drop index thing_geom',
      ],
    },
  ],
}
