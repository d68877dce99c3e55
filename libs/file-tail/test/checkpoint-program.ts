import { writeSync } from 'node:fs'
import { createCheckpointFile } from '../src/checkpoints.ts'
import { startMark } from '../src/fingerprint.ts'

/** Writes checkpoints one after the other, and says of each that it is written. Arguments: where, how many. */
const [path = '', rounds = ''] = process.argv.slice(2)
const file = createCheckpointFile({ path, durable: true, warn: () => undefined })
for (let round = 1; round <= Number(rounds); round++) {
  await file.write([{ id: String(round), path: '/a', target: '/a', key: '1:1', mark: startMark }])
  writeSync(1, `written ${round}\n`)
}
