import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tmpdir } from 'node:os'
import { judge } from './judge.ts'
import type { Safeguard } from './safeguard.ts'
import { loadSafeguards } from './safeguards.ts'
import { runTests, type TestRun } from './test-run.ts'
import { copyWorkspace } from './workspace-copy.ts'

const help = `Takes each safeguard out of a copy of the workspace and runs its tests there: they must turn red.

npm run mutate                      all safeguards
npm run mutate -- --area kafka      those of one area, src/safeguards-kafka.ts
npm run mutate -- 'own batch'       those whose promise or file has this in it
npm run mutate -- --list            names them and runs nothing

  --limit SECONDS   how long the tests of one safeguard may take (default 300)
  --keep-going      goes on with safeguards whose tests are red before any edit

Closes with 'N passed, N failed'. Exit codes: 0 all turned red, 1 one survived or no longer fits the code, 64 a wrong word, 130 Ctrl-C.
`
const usageExitCode = 64
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
        area: { type: 'string' },
        limit: { type: 'string', default: '300' },
        list: { type: 'boolean', default: false },
        'keep-going': { type: 'boolean', default: false },
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
const limitMs = Number(values.limit) * 1_000
if (!Number.isInteger(limitMs) || limitMs <= 0) fail(`--limit ${values.limit} is no whole number of seconds above 0.`)

const areas = await loadSafeguards()
if (values.area !== undefined && !areas.has(values.area)) {
  fail(`No area ${values.area}. The areas are ${[...areas.keys()].join(', ')}.`)
}
const chosen = [...areas]
  .filter(([area]) => values.area === undefined || area === values.area)
  .flatMap(([area, safeguards]) => safeguards.map((safeguard) => ({ area, safeguard })))
  .filter(({ safeguard: { promise, file } }) => positionals.every((text) => `${promise} ${file}`.includes(text)))
if (chosen.length === 0) fail('No safeguard has that in its promise or file.')

const title = (area: string, { promise, file }: Safeguard) => `${area.padEnd(10)} ${promise} (${file})`

if (values.list) {
  for (const { area, safeguard } of chosen) console.log(title(area, safeguard))
  process.exit(0)
}

let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (interrupted = true))

const copy = copyWorkspace(root)
const logFile = join(tmpdir(), `armature-mutate-${process.pid}.log`)
process.on('exit', () => copy.remove())
console.error(`The output of the tests goes to ${logFile}.`)
const run = (tests: readonly string[], factor = 1): Promise<TestRun> =>
  runTests(tests, {
    command: [process.execPath, 'tools/test/src/main.ts'],
    folder: copy.folder,
    limitMs: limitMs * factor,
    logFile,
  })

/** Tests that fail without any edit would make every verdict `red`. */
const tests = [...new Set(chosen.flatMap(({ safeguard }) => safeguard.tests))]
const untouched = await run(tests, tests.length)
const healthy = untouched.failed === 0 && !untouched.overran
console.log(`untouched  ${untouched.passed} tests passed, ${untouched.failed} failed`)

let passed = 0
let failed = healthy ? 0 : 1
if (healthy || values['keep-going']) {
  for (const { area, safeguard } of chosen) {
    if (interrupted) break
    const start = Date.now()
    const { outcome, detail } = await judge(copy.folder, safeguard, run)
    if (interrupted) break
    if (outcome === 'red') passed += 1
    else failed += 1
    const shown = outcome === 'red' ? 'red' : outcome.toUpperCase()
    const seconds = Math.round((Date.now() - start) / 1_000)
    console.log(`${shown.padEnd(10)} ${title(area, safeguard)}: ${detail}, ${seconds} s`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = interrupted ? 130 : failed === 0 ? 0 : 1
