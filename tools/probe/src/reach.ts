import { connect } from 'node:net'
import { parseHostPort } from '@armature/async/host-port'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

/** `open`, `timeout`, or the code of the error, such as ECONNREFUSED. */
export type Reached = string

/** Whether a TCP connection to HOST:PORT opens within `timeoutMs`. Throws ServiceError where the target is none. */
export const reach = (target: string, timeoutMs: number): Promise<Reached> => {
  const address = parseHostPort(target)
  if ('problem' in address) {
    throw new ServiceError(`${target}: ${address.problem}`, { exitCode: exitCodes.usage, fix: 'Write HOST:PORT' })
  }
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: timeoutMs })
    const end = (reached: Reached) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => end('open'))
    socket.once('timeout', () => end('timeout'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}
