import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'

type Done = (error: NodeJS.ErrnoException | null, address: string, family: number) => void
type Query = (host: string, options: { family: number }, done: Done) => void

export interface LookupOptions {
  /** Default: the system's resolver. */
  query?: Query
  /** Milliseconds on a clock that never goes back. */
  now?: () => number
}

const ttlMs = 60_000
const retryMs = 5_000

/**
 * A lookup for one socket that never piles up: one query at a time, its answer kept for a minute, a failure for 5 s. A call
 * that comes meanwhile gets the last address known, or fails at once.
 */
export const cachedLookup = ({ query = systemLookup, now = () => performance.now() }: LookupOptions = {}) => {
  let known: LookupAddress | undefined
  let nextQueryMs = -Infinity
  let querying = false
  return (host: string, options: unknown, done: Done): void => {
    const version = isIP(host)
    if (version !== 0) {
      done(null, host, version)
      return
    }
    const family = options === 6 ? 6 : 4
    const answer = (error: NodeJS.ErrnoException | null) => {
      if (known === undefined) done(error ?? unknownYet(host), '', family)
      else done(null, known.address, known.family)
    }
    if (querying || now() < nextQueryMs) {
      answer(null)
      return
    }
    querying = true
    query(host, { family }, (error, address, found) => {
      querying = false
      nextQueryMs = now() + (error === null ? ttlMs : retryMs)
      if (error === null) known = { address, family: found }
      answer(error)
    })
  }
}

const unknownYet = (host: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`the address of ${host} is not known yet`), { code: 'ENOTFOUND' })
