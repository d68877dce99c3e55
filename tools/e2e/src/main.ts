import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closing, succeeded, type Tally } from '@armature/test/tally'
import { execute, tryExecute } from './execute.ts'
import { appImages } from './images.ts'
import { loaderNames, loaderOf } from './loaders.ts'

// npm run e2e: installs the platform on the cluster of KUBECONFIG and puts it through what a platform must survive.
const help = `npm run e2e -- [options]    tests the platform on the cluster that KUBECONFIG names

  --load LOADER      how images get into the cluster: ${loaderNames.join(', ')}, or a program that takes them (default none)
  --no-build         take the images as they are
  --namespace NAME   a namespace that does not exist yet (default armature-e2e-XXXXXX)
  --print-images     print the images that a cluster needs, and do nothing else
  --calls NUMBER     calls of search-service a second while pods are replaced and killed (default 50)
  --events NUMBER    events a second meanwhile (default 250)
  --keep             leave the namespace as it is at the end
  -t PATTERN         only tests of this name

It needs kubectl and helm, and docker or buildah unless --no-build is given.
`

const usage = 64
const unavailable = 69

const asked = (() => {
  try {
    return parseArgs({
      allowNegative: true,
      options: {
        load: { type: 'string', default: 'none' },
        build: { type: 'boolean', default: true },
        namespace: { type: 'string', default: `armature-e2e-${randomUUID().slice(0, 6)}` },
        keep: { type: 'boolean', default: false },
        'print-images': { type: 'boolean', default: false },
        calls: { type: 'string', default: '50' },
        events: { type: 'string', default: '250' },
        test: { type: 'string', short: 't' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exit(usage)
  }
})()
if (asked.help) {
  console.log(help)
  process.exit(0)
}

for (const name of ['calls', 'events'] as const) {
  if (!/^[1-9]\d{0,4}$/.test(asked[name])) {
    console.error(`--${name}: "${asked[name]}" is not a rate. Pass a whole number from 1 to 99999.`)
    process.exit(usage)
  }
}

if (asked['print-images']) {
  console.log(appImages.join(' '))
  process.exit(0)
}

const say = (text: string) => process.stderr.write(`e2e: ${text}\n`)

const cluster = await tryExecute('kubectl', ['version', '--output', 'json', '--request-timeout=10s']).catch(
  (error: unknown) => ({
    code: 1,
    stderr: String(error),
  }),
)
if (cluster.code !== 0) {
  console.error(
    `There is no cluster: ${cluster.stderr.trim()}\nStart one, such as by kind or k3d (k8s/README.md), and set KUBECONFIG.`,
  )
  process.exit(unavailable)
}

if (asked.build) {
  say('building the images')
  await execute('npx', ['nx', 'run-many', '-t', 'image', '--output-style=static'], { isShown: true })
}
for (const [command = '', ...args] of loaderOf(asked.load)(appImages)) {
  say(`loading images: ${command}`)
  await execute(command, args, { isShown: true })
}

const folder = mkdtempSync(join(tmpdir(), 'armature-e2e-'))
const tallyFile = join(folder, 'tally.json')
const vitest = spawn(
  process.execPath,
  [
    join(import.meta.dirname, '../../../node_modules/vitest/vitest.mjs'),
    'run',
    `--root=${join(import.meta.dirname, '..')}`,
    `--config=${join(import.meta.dirname, '../cluster.config.ts')}`,
    ...(asked.test === undefined ? [] : ['-t', asked.test]),
  ],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      TALLY_FILE: tallyFile,
      E2E_NAMESPACE: asked.namespace,
      E2E_KEEP: String(asked.keep),
      E2E_LOADER: asked.load,
      E2E_CALLS_PER_SECOND: asked.calls,
      E2E_EVENTS_PER_SECOND: asked.events,
    },
  },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal))
await once(vitest, 'close')

const tally = ((): Tally => {
  try {
    return JSON.parse(readFileSync(tallyFile, 'utf8')) as Tally
  } catch {
    return { passed: 0, failed: ['Vitest ended before its report'], skipped: [] }
  }
})()
rmSync(folder, { recursive: true, force: true })
console.log(`\n${closing(tally).join('\n')}`)
process.exitCode = succeeded(tally) ? 0 : 1
