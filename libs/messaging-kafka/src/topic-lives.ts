/** Tells the lives of topics apart by their ids: one that is deleted and made again has another id. */
export interface TopicLives {
  /**
   * What an id says of the topic of this name: the first that is known of it, the same as before, another one, or a past one, which only a broker
   * shows that lags behind. `unknown` without an id.
   */
  see(name: string, id: string | undefined): 'first' | 'same' | 'another' | 'past' | 'unknown'
}

/** Of names, and of past ids. The oldest are forgotten. */
const maxRemembered = 10_000

/** Nothing is known yet. */
export const topicLives = (): TopicLives => {
  const ids = new Map<string, string>()
  const past = new Set<string>()

  const bound = (of: { readonly size: number; keys(): Iterator<string>; delete(key: string): unknown }) => {
    if (of.size > maxRemembered) of.delete(of.keys().next().value as string)
  }

  return {
    see: (name, id) => {
      if (id === undefined) return 'unknown'
      if (past.has(id)) return 'past'
      const before = ids.get(name)
      if (before === id) return 'same'
      ids.set(name, id)
      bound(ids)
      if (before === undefined) return 'first'
      past.add(before)
      bound(past)
      return 'another'
    },
  }
}
