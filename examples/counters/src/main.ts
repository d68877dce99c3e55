import { parseArgs } from 'node:util'
import { processInput } from '@armature/config/process'
import { systemClock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { seededRandom } from '@armature/async/random'
import { runCounters } from './counters.ts'
import { overBus } from './over-bus.ts'
import { overTopic } from './over-topic.ts'

const usage = 'usage: node examples/counters/src/main.ts [--over bus|topic] [--for 20s]'
const unitsMs = { ms: 1, s: 1_000, m: 60_000 }
const longestMs = 3_600_000

const settings = () => {
  const { values } = parseArgs({
    args: [...processInput().argv],
    options: { over: { type: 'string', default: 'bus' }, for: { type: 'string', default: '20s' } },
  })
  const { over } = values
  if (over !== 'bus' && over !== 'topic') throw new TypeError(`--over is ${over}: write bus or topic`)
  const [, number, unit = ''] = /^(\d{1,9})(ms|s|m)$/.exec(values.for) ?? []
  const durationMs = Number(number) * (unitsMs[unit as keyof typeof unitsMs] ?? NaN)
  if (!(durationMs > 0 && durationMs <= longestMs))
    throw new TypeError(`--for is ${values.for}: write a time such as 500ms, 20s or 1m, at most 60m`)
  return { over, durationMs }
}

const main = async ({ over, durationMs }: ReturnType<typeof settings>) => {
  const clock = systemClock()
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  // The clock's timers keep no process alive.
  const alive = setInterval(() => undefined, longestMs)
  try {
    await runCounters({
      transport: over === 'bus' ? overBus(clock) : overTopic(await openDriver('memory:', { clock }), clock),
      clock,
      random: seededRandom(Date.now()),
      durationMs,
      print: (line) => process.stdout.write(`${line}\n`),
      signal: stop.signal,
    })
  } finally {
    clearInterval(alive)
  }
}

const fail = (error: unknown, exitCode: 64 | 70, more = '') => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${more}`)
  process.exitCode = exitCode
}

let chosen: ReturnType<typeof settings> | undefined
try {
  chosen = settings()
} catch (error) {
  fail(error, 64, `${usage}\n`)
}
if (chosen !== undefined) await main(chosen).catch((error: unknown) => fail(error, 70))
