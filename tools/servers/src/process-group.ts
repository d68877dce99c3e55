import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'

/** A process of a group: to be printed when one is left that should not be. */
export type Member = { readonly pid: number; readonly command: string }

/** The live processes of a process group. Zombies are not counted: they have ended, whoever is slow to notice. */
export const groupMembers = (groupId: number): readonly Member[] =>
  (existsSync('/proc/self/stat') ? fromProc() : fromPs())
    .filter((found) => found.groupId === groupId && !found.state.startsWith('Z'))
    .map(({ pid, command }) => ({ pid, command }))

type Found = Member & { readonly groupId: number; readonly state: string }

const fromProc = (): Found[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        // The name in brackets may hold spaces and brackets; the fields come after the last one.
        const [state = '', , groupId = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return [{ pid: Number(name), groupId: Number(groupId), state, command }]
      } catch {
        // It ended while it was read.
        return []
      }
    })

const fromPs = (): Found[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,pgid=,stat=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, groupId, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
      return pid === undefined ? [] : [{ pid: Number(pid), groupId: Number(groupId), state, command }]
    })
