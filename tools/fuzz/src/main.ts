import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { decoderFiles, loadDecoder } from './decoders.ts'
import { fuzz } from './fuzz.ts'
import { watchdog } from './watchdog.ts'

const help = `Gives decoders inputs of all kinds: none may crash, hang, or leave a message that can neither be handled nor dead-lettered.

npm run fuzz                                all decoders, 100,000 inputs each
npm run fuzz -- kafka-record redis-fields   some of them
npm run fuzz -- --runs 1000000              so many inputs each
npm run fuzz -- --seed 42                   the inputs of an earlier run
npm run fuzz -- --list                      names the decoders

Closes with 'N passed, N failed'. Exit codes: 0 all passed, 1 one failed, 64 a wrong word, 130 Ctrl-C, 137 one hung.
`
const [usageExitCode, interruptedExitCode] = [64, 130]
/** One input that takes so long counts as a hang. */
const hangMs = 60_000
const root = join(import.meta.dirname, '../../..')

const fail = (problem: string): never => {
  console.error(`${problem}\n\n${help}`)
  process.exit(usageExitCode)
}

const given = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '100000' },
        seed: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (fault) {
    return fail(fault instanceof Error ? fault.message : String(fault))
  }
})()
const { values, positionals } = given
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}
const runs = Number(values.runs)
if (!Number.isSafeInteger(runs) || runs < 1) fail(`--runs ${values.runs} is no whole number above 0.`)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
if (!Number.isSafeInteger(seed)) fail(`--seed ${values.seed ?? ''} is no whole number.`)

const files = decoderFiles(root)
if (values.list) {
  process.stdout.write(`${[...files.keys()].join('\n')}\n`)
  process.exit(0)
}
for (const name of positionals) {
  if (!files.has(name)) fail(`No decoder ${name}. The decoders are ${[...files.keys()].join(', ')}.`)
}

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
let [passed, failed] = [0, 0]
for (const [name, file] of files) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const decoder = await loadDecoder(file)
  const dog = watchdog(`${name}: an input took over ${hangMs} ms, --seed ${seed} repeats it`, hangMs)
  const result = await fuzz(decoder, { runs, seed, onInput: dog.alive, signal: stop.signal })
  await dog.close()
  if (stop.signal.aborted) process.exit(interruptedExitCode)
  const counts = `${result.runs} inputs, seed ${seed}, the slowest took ${Math.ceil(result.slowestMs)} ms`
  console.log(`${result.failure === undefined ? 'passed' : 'FAILED'}  ${name}: ${counts}`)
  if (result.failure === undefined) passed++
  else {
    failed++
    console.log(result.failure)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
