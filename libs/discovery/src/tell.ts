/**
 * Calls back with a fault or an event. What the callback throws becomes a warning of the process: no reader of a registry ends its watch, nor
 * the process.
 */
export const tell = <T>(callback: ((told: T) => void) | undefined, told: T): void => {
  try {
    callback?.(told)
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
