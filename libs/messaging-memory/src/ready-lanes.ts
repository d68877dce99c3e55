import { elementAt } from '@armature/async/element-at'
import type { Random } from '@armature/async/random'
import type { Lane } from './lane.ts'

/** The lanes of a member that may have something to deliver, and which of them is next. */
export interface ReadyLanes {
  /** Whether `next` may answer a lane. */
  readonly mayHaveNext: boolean
  add(lane: Lane): void
  remove(lane: Lane): void
  /**
   * A lane that has something to deliver, at random. When its message has more bytes than `fits` allows, there is none until `retry`, and then that
   * lane comes first: a large message is not passed for ever.
   */
  next(fits: (bytes: number) => boolean): Lane | undefined
  /** There may be more room than before. */
  retry(): void
}

/** No lanes. */
export const readyLanes = (random: Random): ReadyLanes => {
  /** In no order. */
  const lanes: Lane[] = []
  /** The lane whose next message found no room. */
  let stalled: Lane | undefined
  /** Whether `stalled` waits for room. */
  let isBlocked = false

  const remove = (lane: Lane) => {
    lane.listed = false
    const last = lanes.pop()
    if (last !== undefined && last !== lane) lanes[lanes.indexOf(lane)] = last
  }

  return {
    get mayHaveNext() {
      return lanes.length > 0 && !isBlocked
    },
    add: (lane) => {
      lane.listed = true
      lanes.push(lane)
    },
    remove: (lane) => {
      if (lane.listed) remove(lane)
      if (stalled !== lane) return
      stalled = undefined
      isBlocked = false
    },
    next: (fits) => {
      while (lanes.length > 0) {
        const lane = stalled ?? elementAt(lanes, lanes.length === 1 ? 0 : random.below(lanes.length))
        const offset = lane.peek()
        if (offset < 0) {
          remove(lane)
          continue
        }
        isBlocked = !fits(lane.log.at(offset).body.byteLength)
        stalled = isBlocked ? lane : undefined
        return isBlocked ? undefined : lane
      }
      return undefined
    },
    retry: () => {
      isBlocked = false
    },
  }
}
