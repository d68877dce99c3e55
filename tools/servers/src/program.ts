import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { type Environment } from './execute.ts'
import { releaseGroup, watchGroup } from './guard.ts'

/** A program under test: what it wrote, what it was waited for, how it ended. */
export type Program = {
  readonly pid: number
  /** All of stdout and stderr so far, in order of arrival. */
  output(): string
  /** The first match in the output; rejects with the output when the program ends or the deadline passes before. */
  until(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>
  /** Signals the program alone, as `kill` does. */
  signal(name: NodeJS.Signals): void
  /** Signals its whole process group, as Ctrl-C on a terminal does. */
  signalGroup(name: NodeJS.Signals): void
  write(text: string): void
  closeInput(): void
  /** Resolves when it has ended and its output is complete; after the deadline the group is killed and this rejects. */
  ended(deadlineMs?: number): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Ends the whole group, also what the program left behind. For `afterEach`. */
  kill(): Promise<void>
}

const defaultDeadlineMs = 30_000
const maxOutputCharacters = 4_000_000

const logFile = new AsyncLocalStorage<string>()

/** As long as they run, programs that are started within `job` also write their output to the end of this file. */
export const logged = <Result>(path: string, job: () => Promise<Result>): Promise<Result> => logFile.run(path, job)

/**
 * Starts a program in a process group of its own, so that everything it starts can be ended with it. It ends with this
 * process too, even when that is killed.
 */
export const startProgram = (
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Environment; uid?: number; gid?: number } = {},
): Program => {
  const child = spawn(command, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...(options.env ?? process.env) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  })
  const shown = [command, ...args].join(' ')
  let text = ''
  const { changed, until } = watchChanges()
  const path = logFile.getStore()
  const keep = (chunk: Buffer) => {
    if (path !== undefined) appendFileSync(path, chunk)
    text = (text + chunk.toString()).slice(-maxOutputCharacters)
    changed()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin.on('error', () => undefined)
  let end: { code: number | null; signal: NodeJS.Signals | null } | undefined
  const finish = (code: number | null, signal: NodeJS.Signals | null) => {
    end ??= { code, signal }
    changed()
  }
  child.once('error', (fault) => {
    text += fault.message
    finish(null, null)
  })
  if (child.pid !== undefined) watchGroup(child.pid)
  child.once('close', (code, signal) => {
    if (child.pid !== undefined && !isGroup(child.pid)) releaseGroup(child.pid)
    finish(code, signal)
  })

  const signalGroup = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name)
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault
    }
  }

  const ended = (deadlineMs = defaultDeadlineMs) =>
    until(
      () => end,
      () => {
        signalGroup('SIGKILL')
        return new Error(`${shown} did not end within ${deadlineMs} ms; it wrote:\n${text}`)
      },
      deadlineMs,
    )

  return {
    pid: child.pid ?? -1,
    output: () => text,
    until: (pattern, deadlineMs = defaultDeadlineMs) =>
      until(
        () => {
          const match = pattern.exec(text)
          if (match !== null) return match
          if (end === undefined) return undefined
          throw new Error(`${shown} ended (${end.signal ?? `code ${end.code}`}) without ${pattern}; it wrote:\n${text}`)
        },
        () => new Error(`${shown} did not write ${pattern} within ${deadlineMs} ms; it wrote:\n${text}`),
        deadlineMs,
      ),
    signal: (name) => void child.kill(name),
    signalGroup,
    write: (input) => void child.stdin.write(input),
    closeInput: () => void child.stdin.end(),
    ended,
    kill: async () => {
      signalGroup('SIGKILL')
      await ended(5_000)
      if (child.pid !== undefined) releaseGroup(child.pid)
    },
  }
}

/** Waits for something that changes: `changed` says that it may have. */
const watchChanges = () => {
  const watchers = new Set<() => void>()
  return {
    changed: (): void => {
      for (const watcher of [...watchers]) watcher()
    },
    /** Resolves with the first defined value that `look` returns. It is called at once and at each change. Rejects when it throws. */
    until: <Result>(look: () => Result | undefined, onLate: () => Error, deadlineMs: number): Promise<Result> =>
      new Promise((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer)
          watchers.delete(watcher)
        }
        const watcher = () => {
          try {
            const found = look()
            if (found === undefined) return
            leave()
            resolve(found)
          } catch (fault) {
            leave()
            reject(fault)
          }
        }
        const timer = setTimeout(() => {
          leave()
          reject(onLate())
        }, deadlineMs)
        watchers.add(watcher)
        watcher()
      }),
  }
}

const isGroup = (groupId: number): boolean => {
  try {
    process.kill(-groupId, 0)
    return true
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/**
 * The same on a terminal of its own, as `script` makes one: what is written to it is typed, so `\x03` is Ctrl-C. Killed, it
 * takes the terminal away, which ends what runs there unless that ignores a hang-up.
 */
export const startOnTerminal = (command: string, options: { cwd?: string; env?: Environment } = {}): Program =>
  startProgram(
    'script',
    process.platform === 'darwin'
      ? ['-q', '/dev/null', '/bin/sh', '-c', command]
      : ['--quiet', '--return', '--command', command, '/dev/null'],
    options,
  )
