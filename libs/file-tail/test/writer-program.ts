import { copyFileSync, openSync, closeSync, renameSync, truncateSync, writeSync } from 'node:fs'

/**
 * Writes numbered lines to a log as fast as it can, and rotates it. Arguments: the log, how many lines, after how many it rotates, and how:
 * `rename`, or `copytruncate`, in which it writes nothing between the copy and the truncation.
 */
const [log = '', count = '', rotateEvery = '', how = ''] = process.argv.slice(2)
const linesPerWrite = 500
let file = openSync(log, 'a')
let rotations = 0

const rotate = () => {
  rotations++
  if (how === 'copytruncate') {
    copyFileSync(log, `${log}.${rotations}`)
    truncateSync(log)
    return
  }
  renameSync(log, `${log}.${rotations}`)
  // The last lines go to the file that has its new name already.
  return () => {
    closeSync(file)
    file = openSync(log, 'a')
  }
}

for (let first = 0; first < Number(count); first += linesPerWrite) {
  const reopen = first > 0 && first % Number(rotateEvery) === 0 ? rotate() : undefined
  let text = ''
  for (let number = first; number < first + linesPerWrite; number++)
    text += `line ${number} ${'x'.repeat(number % 90)}\n`
  writeSync(file, text)
  reopen?.()
  // Readers and other processes of a small machine get their turn, too.
  await new Promise((resolve) => setImmediate(resolve))
}
