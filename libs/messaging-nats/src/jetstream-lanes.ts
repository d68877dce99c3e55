import { lane, type Lane, type LaneItem } from './jetstream-lane.ts'

/** A message on its way to the stream of a topic. */
export interface TopicItem extends LaneItem {
  readonly topic: string
}

export interface LanesParts<Item extends TopicItem> {
  readonly transmit: (item: Item) => void
  /** Gives the message an id that the server does not know. */
  readonly renew: (item: Item) => void
  /** Finds or makes the stream of the topic. */
  readonly prepare: (topic: string) => Promise<unknown>
  /** The message is stored, and so are all before it. */
  readonly release: (item: Item) => void
}

/** A lane for each topic that has messages under way. */
export interface Lanes<Item extends TopicItem> {
  add(item: Item): void
  stored(item: Item, sequence: number): void
  failed(item: Item): void
  /** The connection is back: every lane begins again with its first message. */
  restart(): void
  /** Tries again each topic whose first message was sent before `sentBeforeMs`. */
  retrySentBefore(sentBeforeMs: number): void
  /** Gives these messages of the topic up, and answers them. */
  drop(topic: string, which: (item: Item) => boolean): readonly Item[]
}

/** No topic has a message under way yet. */
export const topicLanes = <Item extends TopicItem>(parts: LanesParts<Item>): Lanes<Item> => {
  const lanes = new Map<string, Lane<Item>>()

  const laneOf = (topic: string): Lane<Item> => {
    const known = lanes.get(topic)
    if (known !== undefined) return known
    const made = lane<Item>({ ...parts, prepare: () => parts.prepare(topic) })
    lanes.set(topic, made)
    return made
  }

  const removeEmpty = (topic: string) => {
    if (lanes.get(topic)?.first === undefined) lanes.delete(topic)
  }

  return {
    add: (item) => laneOf(item.topic).add(item),
    stored: (item, sequence) => {
      lanes.get(item.topic)?.stored(item, sequence)
      removeEmpty(item.topic)
    },
    failed: (item) => lanes.get(item.topic)?.failed(item),
    restart: () => {
      for (const each of lanes.values()) each.restart()
    },
    retrySentBefore: (sentBeforeMs) => {
      for (const each of lanes.values()) {
        if (each.first !== undefined && each.first.sentMs < sentBeforeMs) each.failed(each.first)
      }
    },
    drop: (topic, which) => {
      const dropped = lanes.get(topic)?.drop(which) ?? []
      removeEmpty(topic)
      return dropped
    },
  }
}
