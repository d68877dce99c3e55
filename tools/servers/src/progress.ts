/** Tells the person who waits what is being done; to stderr, since stdout is for data. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** For `catch`: the message, one line that holds the remedy; the failed command's own output goes to the cause. */
export const oneLine =
  (message: string) =>
  (cause: unknown): never => {
    throw new Error(message, { cause })
  }
