import { writeSync } from 'node:fs'
import { systemClock } from '@armature/async/clock'
import { openSpool } from '../src/spool.ts'
import { folderDisk } from '../src/disk.ts'
import { lines } from './spool-world.ts'

/**
 * Fills and empties a spool in a folder on the disk, and says after each step what is promised from then on. Arguments: the folder, whether
 * to sync, how many rounds. After no rounds it says how many lines it found.
 */
const [folder = '', sync = '', rounds = ''] = process.argv.slice(2)
const say = (text: string) => void writeSync(1, `${text}\n`)

// Files must not depend on the umask of the user who starts the program.
process.umask(0)
const disk = await folderDisk(folder)
const spool = await openSpool({
  disk,
  clock: systemClock(),
  // Segments of some lines each.
  maxBytes: 2_000,
  maxLineBytes: 40,
  sync: sync === 'sync',
  onDamage: (damage) => say(`damage ${damage.lines}`),
})
say(`found ${spool.pending}`)
for (let round = 1; round <= Number(rounds); round++) {
  const first = (round - 1) * 3 + 1
  await spool.append(lines(`line ${first}`, `line ${first + 1}`, `line ${first + 2}`))
  say(`held ${first + 2}`)
  if (round < 3) continue
  const batch = await spool.read({ count: 3, bytes: 1_000 })
  say(`published ${(round - 2) * 3}`)
  await spool.acked(batch)
  say(`settled ${(round - 2) * 3}`)
}
// Ended as by SIGKILL: nothing is closed.
process.exit(0)
