import { join } from 'node:path'
import { consulConformance } from '@armature/discovery/conformance'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { describe } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')

describe.skipIf(skipped('consul'))('Consul', () => {
  consulConformance({
    name: 'alert-monitor',
    consulUrl: () => serverUrl('consul'),
    consulDeadlineMs: serverDeadlineMs,
    start: (env) => startProgram(process.execPath, [main], { env }),
  })
})
