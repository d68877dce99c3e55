import * as z from 'zod'

const name = z.string().regex(/^[\w.:@-]{1,100}$/, { error: 'is not 1 to 100 letters, digits and . : @ _ -' })

/** An order as the shop publishes it. */
export const order = z.object({
  id: name,
  customer: name,
  amountCents: z.int().min(0),
  currency: z.string().regex(/^[A-Z]{3}$/, { error: 'is no code of ISO 4217' }),
})
export type Order = z.infer<typeof order>
