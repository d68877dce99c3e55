import { openSync } from 'node:fs'
import { argv, exit, stdout } from 'node:process'
import { systemClock } from '@armature/async/clock'
import { delivery } from '@armature/messaging/testing-delivery'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { createCommandAction } from '../src/command-action.ts'

// Runs a command in a process that has no file descriptors left, and writes how that ended.
const [, , path = ''] = argv
const action = createCommandAction({ allowed: [path], clock: systemClock() })({ path, deadlineMs: 30_000 })
const { log } = testTelemetry('test')
const { signal } = new AbortController()

const takeAllDescriptors = () => {
  try {
    for (;;) openSync('/dev/null', 'r')
  } catch {
    // There are none left.
  }
}

takeAllDescriptors()
const outcome = await action({ message: delivery(), signal, log }).then(
  () => 'it ran',
  (error: unknown) => String(error),
)
await new Promise((resolve) => setImmediate(resolve))
stdout.write(`${outcome}\n`, () => exit(0))
