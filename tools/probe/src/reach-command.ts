import { durationMs } from '@armature/config/settings'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { reach } from './reach.ts'

const settings = z.object({
  timeoutMs: durationMs({ min: 1 })
    .default(2_000)
    .meta({ description: 'Timeout of each connection, in milliseconds', flag: 'timeout', env: 'PROBE_TIMEOUT_MS' }),
})

/** `armature-probe reach HOST:PORT ...`: prints, as one JSON object, which of them a TCP connection opens to. Exits with 0 whatever it finds. */
export const reachCommand = command({
  summary: 'Try TCP connections, and print what came of each as JSON',
  settings,
  positionals: { usage: 'HOST:PORT...', min: 1, max: 100 },
  run: async ({ timeoutMs }, { positionals, stdout }) => {
    const found = await Promise.all(
      positionals.map(async (target) => [target, await reach(target, timeoutMs)] as const),
    )
    stdout.write(`${JSON.stringify(Object.fromEntries(found))}\n`)
    return exitCodes.ok
  },
})
