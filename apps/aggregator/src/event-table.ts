import type { Migrations } from '@armature/database/migrate'

/** The table of the aggregator's events. `body` holds a JSON body, `text` any other. */
export const eventMigrations: Migrations = {
  owner: 'aggregator',
  steps: [
    {
      name: 'event',
      statements: [
        `create table event (
          id text primary key,
          topic text not null,
          correlation_key text not null,
          time timestamptz not null,
          body jsonb,
          text text,
          received_at timestamptz not null default now()
        )`,
        'create index event_received_at on event (received_at)',
      ],
    },
    {
      name: 'an event is known by its source and id',
      statements: [
        // A constant default is kept in the catalogue: no row is written again.
        `alter table event add column source text not null default ''`,
        'alter table event drop constraint event_pkey',
        'alter table event add primary key (source, id)',
      ],
    },
  ],
}

/** `place` counts the rows from 1. By `->` the body `null` is JSON; jsonb_to_recordset would make it SQL's NULL, which is no body. */
const given = `with given as materialized (
    select place, row ->> 'source' as source, row ->> 'id' as id, row ->> 'topic' as topic,
      row ->> 'correlation_key' as correlation_key, (row ->> 'time')::timestamptz as time,
      row -> 'body' as body, row ->> 'text' as text
    from jsonb_array_elements($1::jsonb) with ordinality as rows (row, place))`

const sameContent = 'event.body is not distinct from given.body and event.text is not distinct from given.text'

/** Rows from before the column `source` have none. The same event, when it comes again, is known by all else that is stored. */
const sameButForSource = `event.topic = given.topic and event.time = given.time and ${sameContent}`

/**
 * Inserts the rows of a JSON array whose source and id are new; returns these. Of two in the array, the first is inserted. All writers
 * insert in one order: two that have the same events wait for each other and do not deadlock.
 */
export const insertSql = `insert into event (source, id, topic, correlation_key, time, body, text)
  ${given}
  select source, id, topic, correlation_key, time, body, text from given
  where not exists (select from event where event.source = '' and event.id = given.id and ${sameButForSource})
  order by source collate "C", id collate "C", place
  on conflict (source, id) do nothing
  returning source, id`

/** For each row of the array whose event is in the table: its place, and whether what is stored is the same. */
export const compareSql = `${given}
  select place::int, bool_or(${sameContent}) as same
  from given join event on event.id = given.id and event.source = any (array[given.source, ''])
    and (event.source = given.source or (${sameButForSource}))
  group by place`
