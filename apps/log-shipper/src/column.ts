type Numbers = Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/** A column of numbers that grows. */
export interface Column<Of extends Numbers> {
  push(value: number): void
  /** The items pushed since the last call. */
  take(): Of
}

const firstRoom = 1_024

/** An empty column of numbers of that kind, such as `Uint32Array`. */
export const createColumn = <Of extends Numbers>(kind: new (length: number) => Of): Column<Of> => {
  let numbers = new kind(firstRoom)
  let count = 0
  return {
    push: (value) => {
      if (count === numbers.length) {
        const larger = new kind(count * 2)
        larger.set(numbers)
        numbers = larger
      }
      numbers[count++] = value
    },
    take: () => {
      const taken = numbers.slice(0, count) as Of
      count = 0
      return taken
    },
  }
}
