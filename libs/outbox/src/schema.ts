import type { Migrations } from '@armature/database/migrate'

/** The tables of inbox and outbox, for `migrate` of libs/database. */
export const outboxMigrations: Migrations = {
  owner: 'outbox',
  steps: [
    {
      name: 'inbox and outbox',
      statements: [
        `create table messaging_inbox (
          handler text not null,
          key text not null,
          contents text not null,
          handled boolean not null,
          until timestamptz not null,
          primary key (handler, key)
        )`,
        'create index messaging_inbox_until on messaging_inbox (until)',
        `create table messaging_outbox (
          seq bigint generated always as identity primary key,
          topic text not null,
          message text not null,
          body bytea,
          refused text
        )`,
      ],
    },
  ],
}
