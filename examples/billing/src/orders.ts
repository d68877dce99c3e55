import type { Database } from '@armature/database/database'
import type { Migrations } from '@armature/database/migrate'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Order } from './order.ts'

export const migrations: Migrations = {
  owner: 'billing',
  steps: [
    {
      name: 'orders',
      statements: [
        `create table billing_order (
          id text primary key,
          customer text not null,
          amount_cents bigint not null,
          currency text not null,
          stored_at timestamptz not null default now()
        )`,
      ],
    },
  ],
}

/** The update changes nothing: it returns a row for an order that is there already, and none where its contents are different. */
const insert = `
  insert into billing_order as known (id, customer, amount_cents, currency) values ($1, $2, $3, $4)
  on conflict (id) do update set id = known.id
  where (known.customer, known.amount_cents, known.currency) = ($2, $3, $4)`

/** Stores an order once, however often it comes. Rejects with UnrecoverableError where another order has its id. */
export const store = async (
  database: Database,
  { id, customer, amountCents, currency }: Order,
  signal: AbortSignal,
): Promise<void> => {
  const { count } = await database.query(insert, [id, customer, amountCents, currency], { signal })
  if (count === 0) throw new UnrecoverableError('order-conflict', `order ${id} is stored with other contents`)
}
