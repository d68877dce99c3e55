/** Room for so many things at once, shared by all who hold some. */
export interface Room {
  /** False = none is left. */
  take(): boolean
  /** Gives back what was taken. */
  give(count: number): void
  readonly used: number
}

/** Room for `max` things. */
export const createRoom = (max: number): Room => {
  let used = 0
  return {
    take: () => {
      if (used >= max) return false
      used += 1
      return true
    },
    give: (count) => {
      used -= count
    },
    get used() {
      return used
    },
  }
}
