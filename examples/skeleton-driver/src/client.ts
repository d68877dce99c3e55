import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { HostPort } from '@armature/async/host-port'
import { LostError } from './faults.ts'
import { operationNames, type Operations } from './protocol.ts'

/** A client of the protocol over one connection. Calls under way reject with LostError when the connection ends. */
export interface Client extends Operations {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly ended: Promise<void>
  /** Ends the connection at once. */
  close(): void
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** Connects, with a limit in milliseconds. Rejects with the error of the socket. */
export const connectClient = async ({ host, port }: HostPort, connectWaitMs: number): Promise<Client> => {
  const socket = connect({ host, port, noDelay: true })
  const calls = new Map<number, PromiseWithResolvers<unknown>>()
  const ended = Promise.withResolvers<void>()
  let latestId = 0

  socket.on('error', () => undefined)
  socket.on('close', () => {
    for (const { reject } of calls.values()) reject(new LostError())
    calls.clear()
    ended.resolve()
  })

  const onLine = (line: string) => {
    const answer = parse(line)
    // Who speaks another protocol is no server of ours.
    if (answer === undefined) return void socket.destroy()
    const call = calls.get(answer.id)
    calls.delete(answer.id)
    if (answer.error === undefined) call?.resolve(answer.result)
    else call?.reject(new Error(answer.error))
  }
  createInterface({ input: socket })
    .on('line', onLine)
    .on('error', () => undefined)

  const call = (op: keyof Operations, args: readonly unknown[]): Promise<unknown> => {
    // Not before others know of the end, or a caller that tries again at once would try for ever.
    if (socket.destroyed) return ended.promise.then(() => Promise.reject(new LostError()))
    const id = ++latestId
    const answer = Promise.withResolvers<unknown>()
    calls.set(id, answer)
    socket.write(`${JSON.stringify({ id, op, args })}\n`)
    return answer.promise
  }

  await connected(socket, connectWaitMs)
  const operations = operationNames.map((op) => [op, (...args: unknown[]) => call(op, args)] as const)
  return {
    ...(Object.fromEntries(operations) as unknown as Operations),
    ended: ended.promise,
    close: () => void socket.destroy(),
  }
}

const connected = (socket: ReturnType<typeof connect>, connectWaitMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), connectWaitMs)
    socket.once('connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new LostError()))
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer))
  })

const parse = (line: string): Answer | undefined => {
  try {
    const answer = JSON.parse(line) as Answer | null
    return typeof answer?.id === 'number' ? answer : undefined
  } catch {
    return undefined
  }
}
