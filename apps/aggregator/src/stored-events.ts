import type { Database } from '@armature/database/database'

/** Reads what the Postgres sink holds. */
export interface StoredEvents {
  count(): Promise<number>
  /** Those of the values, in order, that no event has in this top-level field of its JSON body. */
  missing(field: string, values: readonly string[]): Promise<readonly string[]>
}

/** The events of this database, which has the sink's table. Rejects with DatabaseError. */
export const storedEvents = (database: Database): StoredEvents => ({
  count: async () => {
    const { rows } = await database.query<{ events: number }>('select count(*)::int as events from event')
    return rows[0]?.events ?? 0
  },
  missing: async (field, values) => {
    const { rows } = await database.query<{ value: string }>(
      `select wanted.value from jsonb_array_elements_text($2::jsonb) with ordinality as wanted (value, place)
       left join event on event.body ->> $1 = wanted.value
       where event.id is null
       order by wanted.place`,
      [field, JSON.stringify(values)],
    )
    return rows.map(({ value }) => value)
  },
})
