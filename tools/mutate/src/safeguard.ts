/** A line of code that a promise rests on, and the edit that takes it away. */
export interface Safeguard {
  /** The promise, as a sentence that a user understands. */
  readonly promise: string
  /** The file that is edited: its path from the root of the workspace. */
  readonly file: string
  /** The text that goes: it stands in the file exactly once. */
  readonly find: string
  /** The text to put there instead. It must still parse, or every test would be red for the wrong reason. */
  readonly replace: string
  /** The test files of which at least one must turn red: paths from the root of the workspace. */
  readonly tests: readonly string[]
}
