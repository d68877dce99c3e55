import type { SimulatedRun } from './simulated-run.ts'

/** Compares the ledger of the writers with the sink, once all is settled. Answers how many messages reached the sink again. */
export const checkSink = (run: SimulatedRun): number => {
  const { sink, attempted, confirmed, watched, counts, violate } = run
  const { fenced, published } = run.broker.books()
  const unique = new Set(sink.map(({ id }) => id))
  const lost = [...confirmed].filter((id) => !unique.has(id))
  if (lost.length > 0) violate(`I1: ${lost.length} lost, such as ${lost[0]}`)
  for (const id of unique) if (!attempted.has(id)) violate(`I2: ${id} appeared and was never attempted`)
  const repeats = sink.length - unique.size
  const repeatable = fenced + counts.wroteThenFailed + (published - confirmed.size)
  if (repeats > repeatable) violate(`I3: ${repeats} repeats, ${repeatable} have a reason`)
  if (run.serial) checkOrder(run)
  if (new Set(watched).size !== confirmed.size) violate(`broadcast: ${new Set(watched).size} of ${confirmed.size} seen`)
  return repeats
}

/** Each key reached the sink in order, repeats aside. */
const checkOrder = ({ sink, violate }: SimulatedRun): void => {
  const sequences = new Map<string, number[]>()
  const seen = new Set<string>()
  for (const { id, key, sequence } of sink) {
    if (seen.has(id)) continue
    seen.add(id)
    sequences.set(key, [...(sequences.get(key) ?? []), sequence])
  }
  for (const [key, all] of sequences) {
    if (all.some((sequence, index) => index > 0 && sequence < all[index - 1]!)) {
      violate(`I4: the sink has ${key} as ${all.join(' ')}`)
    }
  }
}

/** The books of the broker balance, and agree with what handlers counted. */
export const checkBooks = ({ broker, counts, watched, violate }: SimulatedRun): void => {
  const books = broker.books()
  const { delivered, acked, rejected, returned, fenced, inFlight } = books
  const text = JSON.stringify(books)
  if (delivered !== acked + rejected + returned + inFlight) violate(`books: ${text}`)
  if (delivered !== counts.calls + watched.length) violate(`books: ${counts.calls} calls, ${text}`)
  const settled = counts.resolved + counts.rejectedByHandler
  if (settled + watched.length !== acked + rejected + fenced) violate(`books: ${settled} settled, ${text}`)
  if (counts.calls !== settled) violate(`books: ${counts.calls - settled} handlers never settled`)
}
