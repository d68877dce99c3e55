import { durationMs, text } from '@armature/config/settings'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { again } from './again.ts'
import { reach } from './reach.ts'

const settings = z.object({
  timeoutMs: durationMs({ min: 1 })
    .default(2_000)
    .meta({ description: 'Timeout of each connection, in milliseconds', flag: 'timeout', env: 'PROBE_TIMEOUT_MS' }),
  first: text().optional().meta({
    description: 'HOST:PORT that must open before the others are tried, so that the network of the pod is there',
    env: 'PROBE_FIRST',
  }),
  withinMs: durationMs({ min: 1 }).default(30_000).meta({
    description: 'How long the first may take to open, in milliseconds',
    flag: 'within',
    env: 'PROBE_WITHIN_MS',
  }),
})

/** `armature-probe reach HOST:PORT ...`: prints, as one JSON object, which of them a TCP connection opens to. Exits with 0 whatever it finds, and with 69 if the first never opens. */
export const reachCommand = command({
  summary: 'Try TCP connections, and print what came of each as JSON',
  settings,
  positionals: { usage: 'HOST:PORT...', min: 1, max: 100 },
  run: async ({ timeoutMs, first, withinMs }, { positionals, stdout, signal }) => {
    if (first !== undefined) await again(() => mustOpen(first, timeoutMs), withinMs, signal)
    const found = await Promise.all(
      positionals.map(async (target) => [target, await reach(target, timeoutMs)] as const),
    )
    stdout.write(`${JSON.stringify(Object.fromEntries(found))}\n`)
    return exitCodes.ok
  },
})

const mustOpen = async (target: string, timeoutMs: number) => {
  const reached = await reach(target, timeoutMs)
  if (reached === 'open') return
  throw new ServiceError(`${target} does not open: ${reached}`, {
    exitCode: exitCodes.unavailable,
    fix: 'Check that it runs, and that the network policies let this pod through',
  })
}
