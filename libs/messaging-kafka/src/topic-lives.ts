/** Tells the lives of topics apart by their ids: one that is deleted and made again has another id. */
export interface TopicLives {
  /**
   * Compares an id with those known of the topic of this name. `first`: none was known. `same`: it is the one before. `another`: the topic
   * was made again. `past`: an earlier one, which only a broker that lags behind shows. `unknown`: there is no id.
   */
  see(name: string, id: string | undefined): 'first' | 'same' | 'another' | 'past' | 'unknown'
}

/** The number of names, and of past ids. The oldest are forgotten. */
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
