import type { Writable } from 'node:stream'
import type { Client } from 'pg'
import { canceled, type Result, sqlStates } from './database.ts'
import { answerOf, limitOf, type Statement, translated } from './postgres-statement.ts'

/** Runs short statements on a few connections, on each without waiting for the answers to those before. */
export interface Pipeline {
  /**
   * `otherwise` runs it on a connection of its own: where the shared ones are full, lost or not there yet, and where it was hit by
   * another's cancel. Rejects with DatabaseError; at once when its signal is aborted.
   */
  query<R>(statement: Statement, otherwise: () => Promise<Result<R>>): Promise<Result<R>>
  /** Waits for the answers, then closes the connections. */
  close(): Promise<void>
}

export interface PipelineOptions {
  /** A connected client, in pg's pipeline mode. */
  connect: () => Promise<Client>
  /** Stops what runs on this client's connection now, if anything does. Never rejects. */
  cancel: (client: Client) => Promise<void>
  /** The timeout that statements have on a new connection. */
  defaultTimeoutMs: number
}

/** The more connections there are, the fewer statements can be sent, and answered, at once. */
const maxLanes = 2
/** Statements of one connection that may wait for their answers. */
const maxUnanswered = 64
/** A statement that was given up is cancelled if it runs for so long then: short ones end by themselves. */
const cancelAfterMs = 50

interface Unanswered {
  gaveUp: boolean
  /** It will be cancelled if it runs on. */
  watched: boolean
}

const newUnanswered = (): Unanswered => ({ gaveUp: false, watched: false })

/** A connection that statements share. */
interface Lane {
  readonly client: Client
  /** In the order in which they were sent, which is that of the answers: the first one runs. */
  readonly unanswered: Unanswered[]
  /** The timeout that the statements sent so far set; NaN where a late cancel hit the statement that sets it. */
  timeoutMs: number
  /** A cancel that comes late stops the statement after the one that it was meant for. */
  cancelled: boolean
}

/** A promise while it connects. */
type Slot = Lane | Promise<void> | undefined

const isOpen = (slot: Slot): slot is Lane => slot !== undefined && !(slot instanceof Promise)

/**
 * Statements that share connections by pipelining (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING):
 * those of one turn of the event loop are one packet, and so are many answers. The database works half as long for a short one.
 */
export const createPipeline = ({ connect, cancel, defaultTimeoutMs }: PipelineOptions): Pipeline => {
  const lanes: Slot[] = Array.from({ length: maxLanes })
  let closed = false

  const open = async (index: number): Promise<void> => {
    try {
      const client = await connect()
      const lane: Lane = { client, unanswered: [], timeoutMs: defaultTimeoutMs, cancelled: false }
      const leave = () => {
        if (lanes[index] === lane) lanes[index] = undefined
      }
      client.on('error', leave).on('end', leave)
      lanes[index] = lane
    } catch {
      // The next caller meets the same error on a connection of its own, and receives it.
      lanes[index] = undefined
    }
  }

  /** The one with the fewest statements; undefined where none is open that has room. */
  const freest = (): Lane | undefined => {
    let found: Lane | undefined
    for (const [index, lane] of lanes.entries()) {
      if (lane === undefined) lanes[index] = open(index)
      else if (isOpen(lane) && lane.unanswered.length < (found?.unanswered.length ?? maxUnanswered)) {
        found = lane
      }
    }
    return found
  }

  const cancelIfStuck = (lane: Lane): void => {
    const [head] = lane.unanswered
    if (head?.gaveUp !== true || head.watched) return
    head.watched = true
    const timer = setTimeout(() => {
      if (lane.unanswered[0] !== head) return
      lane.cancelled = true
      void cancel(lane.client)
    }, cancelAfterMs)
    timer.unref()
  }

  const send = async <R>(lane: Lane, statement: Pick<Statement, 'sql' | 'params' | 'name'>, one: Unanswered) => {
    corkForThisTurn(lane.client)
    lane.unanswered.push(one)
    try {
      return await answerOf<R>(lane.client, statement)
    } finally {
      lane.unanswered.splice(lane.unanswered.indexOf(one), 1)
      cancelIfStuck(lane)
    }
  }

  const run = async <R>(lane: Lane, statement: Statement): Promise<Result<R>> => {
    const { signal, timeoutMs } = statement
    const limitMs = limitOf(timeoutMs, defaultTimeoutMs)
    if (limitMs !== lane.timeoutMs) {
      lane.timeoutMs = limitMs
      send(lane, { sql: `set statement_timeout = ${limitMs}` }, newUnanswered()).catch(() => {
        lane.timeoutMs = NaN
      })
    }
    const one = newUnanswered()
    const givenUp = Promise.withResolvers<never>()
    const giveUp = () => {
      one.gaveUp = true
      cancelIfStuck(lane)
      givenUp.reject(canceled())
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([send<R>(lane, statement, one), givenUp.promise])
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  return {
    query: async <R>(statement: Statement, otherwise: () => Promise<Result<R>>): Promise<Result<R>> => {
      const gaveUp = () => statement.signal?.aborted === true
      if (gaveUp()) throw canceled()
      const lane = closed ? undefined : freest()
      if (lane === undefined) return otherwise()
      try {
        return await run<R>(lane, statement)
      } catch (error) {
        const fault = translated(error)
        if (fault.code === sqlStates.canceled && lane.cancelled && !gaveUp()) return otherwise()
        throw fault
      }
    },
    close: async () => {
      closed = true
      await Promise.all(lanes.filter((lane) => lane instanceof Promise))
      // In pipeline mode pg waits for the answers first.
      await Promise.all(lanes.filter(isOpen).map(({ client }) => client.end()))
    },
  }
}

/** Statements are sent together at the end of this turn of the event loop. */
const corkForThisTurn = (client: Client): void => {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Writable } }).connection
  if (stream.writableCorked > 0) return
  stream.cork()
  setImmediate(() => stream.uncork())
}
