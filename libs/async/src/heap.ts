import { elementAt } from './element-at.ts'

/** Numbers, the lowest out first. */
export interface Heap {
  readonly size: number
  push(value: number): void
  /** Takes the lowest out; undefined when empty. */
  pop(): number | undefined
  /** Takes all out, in no order. */
  drain(): number[]
}

/** A binary heap (J. W. J. Williams, 1964). */
export const heap = (): Heap => {
  let values: number[] = []

  return {
    get size() {
      return values.length
    },
    push: (value) => {
      let index = values.push(value) - 1
      while (index > 0) {
        const parent = (index - 1) >>> 1
        const above = elementAt(values, parent)
        if (above <= value) break
        values[index] = above
        index = parent
      }
      values[index] = value
    },
    pop: () => {
      const lowest = values[0]
      const last = values.pop()
      if (last === undefined || values.length === 0) return lowest
      let index = 0
      for (;;) {
        let child = 2 * index + 1
        if (child >= values.length) break
        if (child + 1 < values.length && elementAt(values, child + 1) < elementAt(values, child)) child++
        const below = elementAt(values, child)
        if (below >= last) break
        values[index] = below
        index = child
      }
      values[index] = last
      return lowest
    },
    drain: () => {
      const all = values
      values = []
      return all
    },
  }
}
