import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Program, startProgram } from './program.ts'
import type { RunningServer } from './server.ts'

const pollMs = 25

/**
 * Starts a program and waits until it writes `ready`, or until the function `ready`, asked again and again, says so. Ends it and rejects
 * when that does not come, with its output as the cause.
 */
export const startReady = async (
  command: string,
  args: readonly string[],
  options: NonNullable<Parameters<typeof startProgram>[2]> & {
    ready: RegExp | (() => Promise<boolean>)
    deadlineMs: number
  },
): Promise<Program> => {
  const { ready, deadlineMs, ...rest } = options
  const program = startProgram(command, args, rest)
  try {
    if (typeof ready === 'function') await becomes(ready, program, deadlineMs)
    else await program.until(ready, deadlineMs)
    return program
  } catch (fault) {
    await program.kill()
    throw new Error(`${basename(command)} did not start`, { cause: fault })
  }
}

const becomes = async (ready: () => Promise<boolean>, program: Program, deadlineMs: number): Promise<void> => {
  let over = false
  const asking = async () => {
    while (!over && !(await ready())) await pause(pollMs)
  }
  // Rejects when the program ends, or at the deadline.
  const never = program.until(/(?!)/, deadlineMs)
  await Promise.race([asking(), never]).finally(() => (over = true))
}

/** Whether something listens on this TCP port of loopback. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })

/** A server of one program, which `start` starts: also again, after a crash. Its data are in the folder `data`. */
export const serverOf = async (
  url: string,
  data: string,
  start: () => Promise<Pick<Program, 'kill'>>,
): Promise<RunningServer> => {
  const removeData = () => rm(data, { recursive: true, force: true, maxRetries: 5 })
  let program = await start().catch(async (fault: unknown) => {
    await removeData()
    throw fault
  })
  const crash = () => program.kill()
  return {
    url,
    crash,
    restart: async () => {
      program = await start()
    },
    stop: async () => {
      await crash()
      await removeData()
    },
  }
}
