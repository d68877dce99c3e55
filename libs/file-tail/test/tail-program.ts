import { openSync, writeSync } from 'node:fs'
import { systemClock } from '@armature/async/clock'
import { openFileTail } from '../src/file-tail.ts'

/** Follows files and appends each line with its id to another one, which holds it. Arguments: the file, the checkpoints, the glob. */
const [held = '', checkpointPath = '', glob = ''] = process.argv.slice(2)
const out = openSync(held, 'a')
const tail = await openFileTail({
  globs: [glob],
  checkpointPath,
  maxLineBytes: 1_000,
  clock: systemClock(),
  warn: (problem) => void process.stderr.write(`${problem}\n`),
})
// The clock alone does not keep the process alive.
setInterval(() => undefined, 1_000)
for (let lines = await tail.next(); lines !== undefined; lines = await tail.next()) {
  let at = lines.from
  let text = ''
  for (const line of lines.bytes.toString('latin1').split('\n').slice(0, -1)) {
    text += `${lines.file.id}:${at} ${line}\n`
    at += line.length + 1
  }
  writeSync(out, text)
  lines.commit()
}
