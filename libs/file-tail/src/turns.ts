import type { Clock } from '@armature/async/clock'
import type { FileRegistry } from './file-registry.ts'
import { type FollowedFile, readMark } from './followed-file.ts'
import type { ReadLines, ReadOutcome } from './next-lines.ts'
import type { OpenFiles } from './open-files.ts'

/** Lets files have their turns. */
export interface Turns {
  /** Reads one turn of the file, and says when it has its next one. Undefined where it gives no lines. */
  take(file: FollowedFile): Promise<ReadLines | undefined>
}

export interface TurnsOptions {
  readonly open: OpenFiles
  readonly registry: FileRegistry
  readonly clock: Clock
  readonly follow: boolean
  readonly rotateWaitMs: number
  readonly lastLineWaitMs: number
  readonly warn: (problem: string) => void
  /** Without `follow`: what the file held when it was opened was read. */
  readonly onDone: (file: FollowedFile) => void
}

/** Reads files by turns, and lets go of those that are over. */
export const createTurns = (options: TurnsOptions): Turns => {
  const { open, registry, clock, follow, rotateWaitMs, lastLineWaitMs, warn, onDone } = options

  const letGo = async (file: FollowedFile) => {
    if (follow) file.isFinished = true
    else onDone(file)
    await open.close(file)
  }

  /** The next step for a file that has no complete line now. */
  const atEnd = async (file: FollowedFile, restBytes: number): Promise<ReadOutcome | undefined> => {
    const { reader, missingSinceMs } = file
    if (reader === undefined) return undefined
    const idleMs = clock.now() - Math.max(reader.changedMs, missingSinceMs ?? 0)
    const isOver = !follow || (missingSinceMs !== undefined && idleMs >= rotateWaitMs)
    if (restBytes > 0 && (isOver || idleMs >= lastLineWaitMs)) return reader.readRest()
    if (isOver) await letGo(file)
    else open.rest(file)
    return undefined
  }

  /** The file found by the same name before has its turn first. */
  const mustWait = ({ elder }: FollowedFile): boolean =>
    elder !== undefined && open.isReady(elder.file) && readMark(elder.file).position < elder.untilBytes

  /** The contents at the last look are gone, unless a copy has them. */
  const warnOfUnread = ({ path }: FollowedFile, unreadBytes: number) => {
    if (unreadBytes === 0) return
    warn(`${path} was truncated before ${unreadBytes} bytes were read: they are lost, unless a glob matches a copy`)
  }

  return {
    take: async (file) => {
      if (mustWait(file)) {
        open.again(file)
        return undefined
      }
      file.elder = undefined
      let outcome = await file.reader?.read(clock.now())
      if (outcome?.kind === 'end') outcome = await atEnd(file, outcome.restBytes)
      if (outcome?.kind === 'replaced') {
        warnOfUnread(file, outcome.unreadBytes ?? 0)
        const successor = registry.replace(file, clock.now())
        successor.reader?.restart()
        open.exchange(file, successor)
      }
      if (outcome?.kind === 'more') open.again(file)
      if (outcome?.kind !== 'lines') return undefined
      if (follow || outcome.to < (file.reader?.firstSeenBytes ?? 0)) open.again(file)
      else await letGo(file)
      return outcome
    },
  }
}
