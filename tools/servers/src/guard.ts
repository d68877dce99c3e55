import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Reads `watch GROUP` and `release GROUP`. Its input ends when the process that writes it is gone: then it kills what it watches. */
const script = `
watched=' '
while read -r what group; do
  case $what in
    watch) watched="$watched$group " ;;
    release) watched="\${watched%% $group *} \${watched#* $group }" ;;
  esac
done
for group in $watched; do kill -s KILL -- "-$group"; done`

let shell: ChildProcess | undefined
const watched = new Set<number>()

/** From now on this process group ends with this process, however that ends: a shell beside it sees to that. */
export const watchGroup = (groupId: number): void => {
  shell ??= startShell()
  watched.add(groupId)
  shell.stdin?.write(`watch ${groupId}\n`)
}

/** The group is over: its number may be another's soon. */
export const releaseGroup = (groupId: number): void => {
  if (watched.delete(groupId)) shell?.stdin?.write(`release ${groupId}\n`)
}

const startShell = (): ChildProcess => {
  // A session of its own: what is sent to the group or the terminal of this process is not for it.
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  const input = child.stdin as Socket
  input.unref()
  input.on('error', () => undefined)
  child.on('error', () => undefined)
  return child
}
