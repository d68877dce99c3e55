import { writeSync } from 'node:fs'
import { lastGood } from '../src/last-good.ts'

/** Writes the last good values to the folder that is given, and says what is promised from then on. */
const file = lastGood(process.argv[2] ?? '', 'search-service', 'http://127.0.0.1:8500')
process.umask(0)
for (const logLevel of ['debug', 'warn', 'error']) {
  file.write({ logLevel })
  writeSync(1, `${logLevel}\n`)
}
