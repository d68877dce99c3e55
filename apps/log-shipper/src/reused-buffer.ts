/** Memory that is used again and again, where a buffer each time would make the process larger by what is not collected yet. */
export interface ReusedBuffer {
  /** So many bytes, of any contents. The buffer of the call before must not be used any more. */
  take(bytes: number): Buffer
}

/** A larger buffer is not kept. */
const mostKeptBytes = 1024 * 1024

/** Nothing is kept yet. */
export const reusedBuffer = (): ReusedBuffer => {
  let kept = Buffer.alloc(0)
  return {
    take: (bytes) => {
      if (bytes > mostKeptBytes) return Buffer.allocUnsafeSlow(bytes)
      if (bytes > kept.length) kept = Buffer.allocUnsafeSlow(Math.min(bytes * 2, mostKeptBytes))
      return kept.subarray(0, bytes)
    },
  }
}
