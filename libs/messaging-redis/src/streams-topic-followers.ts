import { matches } from '@armature/messaging/topic-pattern'

/** A topic and the number of its registration. Numbers grow within one data set. */
export interface RegisteredTopic {
  readonly topic: string
  readonly number: number
}

interface Follower {
  readonly pattern: string
  /** The greatest number that it has seen. */
  lastNumber: number
  readonly onTopic: (topic: string) => void
}

/** The subscriptions with wildcards, each with the last registration that it has seen. */
export interface TopicFollowers {
  readonly size: number
  /** The least number that some follower has seen: registrations after it are news to somebody. */
  readonly lastNumber: number
  /** Answers how to remove it. */
  add(pattern: string, lastNumber: number, onTopic: (topic: string) => void): () => void
  /** Numbers begin again on a server that was emptied, and where the last number is lower than one that was seen. */
  restart(isEmptied: boolean, serverNumber: number): void
  report(found: readonly RegisteredTopic[]): void
}

/** No followers yet. */
export const topicFollowers = (): TopicFollowers => {
  const followers = new Set<Follower>()
  return {
    get size() {
      return followers.size
    },
    get lastNumber() {
      return Math.min(...[...followers].map((follower) => follower.lastNumber))
    },
    add: (pattern, lastNumber, onTopic) => {
      const follower: Follower = { pattern, lastNumber, onTopic }
      followers.add(follower)
      return () => followers.delete(follower)
    },
    restart: (isEmptied, serverNumber) => {
      for (const follower of followers) {
        if (isEmptied || serverNumber < follower.lastNumber) follower.lastNumber = 0
      }
    },
    report: (found) => {
      for (const { topic, number } of found) {
        for (const { pattern, lastNumber, onTopic } of followers) {
          if (number > lastNumber && matches(pattern, topic)) onTopic(topic)
        }
      }
      const newest = Math.max(0, ...found.map(({ number }) => number))
      for (const follower of followers) follower.lastNumber = Math.max(follower.lastNumber, newest)
    },
  }
}
