/** A queue in which every call is O(1), amortised over growth. It bounds nothing: its user does. */
export interface Ring<Item> {
  readonly length: number
  /** The oldest; undefined where it is empty. */
  readonly first: Item | undefined
  push(item: Item): void
  /** The oldest, taken out; undefined where it is empty. */
  shift(): Item | undefined
}

const smallest = 16

/** An empty one. */
export const ring = <Item>(): Ring<Item> => {
  let items: (Item | undefined)[] = new Array<Item | undefined>(smallest).fill(undefined)
  let head = 0
  let length = 0

  const grow = () => {
    const grown = new Array<Item | undefined>(items.length * 2).fill(undefined)
    for (let index = 0; index < length; index++) grown[index] = items[(head + index) & (items.length - 1)]
    items = grown
    head = 0
  }

  return {
    get length() {
      return length
    },
    get first() {
      return items[head]
    },
    push: (item) => {
      if (length === items.length) grow()
      items[(head + length) & (items.length - 1)] = item
      length++
    },
    shift: () => {
      if (length === 0) return undefined
      const item = items[head]
      items[head] = undefined
      head = (head + 1) & (items.length - 1)
      length--
      return item
    },
  }
}
