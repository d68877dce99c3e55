import type { Delivery, Handler } from './ports.ts'

/** A delivery as a driver would make it. */
export const delivery = (parts: Partial<Delivery> = {}): Delivery => ({
  id: 'm1',
  topic: 'logs.search',
  key: undefined,
  time: new Date(0),
  headers: {},
  body: Buffer.from('body'),
  attempt: 1,
  position: undefined,
  signal: new AbortController().signal,
  ...parts,
})

/** A handler that does nothing but keep its deliveries. */
export const keeping = (): { readonly handler: Handler; readonly seen: Delivery[] } => {
  const seen: Delivery[] = []
  return { seen, handler: async (one) => void seen.push(one) }
}

/** A handler that stands still until it is told to settle, delivery by delivery. */
export const standing = () => {
  const calls: { delivery: Delivery; resolve: () => void; reject: (error: unknown) => void }[] = []
  const handler: Handler = (one) =>
    new Promise((resolve, reject) => void calls.push({ delivery: one, resolve, reject }))
  return { handler, calls }
}
