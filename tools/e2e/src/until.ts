import { setTimeout as pause } from 'node:timers/promises'

const pauseMs = 500

/** Looks twice a second until `look` gives something other than undefined or false. After `timeoutMs` it rejects and says what was waited for, and the last error. */
export const until = async <Found>(
  what: string,
  look: () => Promise<Found | undefined | false>,
  timeoutMs = 60_000,
): Promise<Found> => {
  const lateMs = Date.now() + timeoutMs
  for (;;) {
    const looked = await look().then(
      (found) => ({ found, problem: '' }),
      (error: unknown) => ({ found: undefined, problem: `: ${String(error)}` }),
    )
    if (looked.found !== undefined && looked.found !== false) return looked.found
    if (Date.now() > lateMs) throw new Error(`${what}: not within ${timeoutMs} ms${looked.problem}`)
    await pause(pauseMs)
  }
}
