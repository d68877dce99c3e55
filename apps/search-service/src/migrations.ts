import type { Migrations } from '@armature/database/migrate'

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
  ],
}
