import type { LineFault, Lines } from '../src/lines.ts'

/** A line by itself, as tests compare it. */
export interface Line {
  readonly bytes: Buffer
  readonly fault: LineFault | undefined
  readonly cutBytes: number
}

/** An object for each of the lines. */
export const everyLine = ({ count, data, starts, ends, flaws }: Lines): Line[] =>
  Array.from({ length: count }, (_, index) => {
    const { fault, cutBytes = 0 } = flaws.get(index) ?? {}
    // A copy: the memory of the lines is used again.
    return { bytes: Buffer.from(data.subarray(starts[index], ends[index])), fault, cutBytes }
  })
