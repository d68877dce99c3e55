import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector } from 'undici'
import type { AllowsAddress } from './private-address.ts'

/** A host has only addresses to which requests may not go. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError'
  readonly address: string

  constructor(address: string) {
    super(`the address ${address} is private and not allowed`)
    this.address = address
  }
}

export interface GuardedAgentOptions {
  readonly allows: AllowsAddress
  readonly connectTimeoutMs: number
  /** Default: that of the system. */
  readonly lookup?: LookupFunction | undefined
}

/**
 * Connects to allowed addresses only. The address that is judged is the one that is connected to, at each connection: a name that
 * has another address meanwhile ("DNS rebinding") passes no check of before. Idle connections close after 4 s and keep no process
 * alive.
 */
export const createGuardedAgent = ({ allows, connectTimeoutMs, lookup }: GuardedAgentOptions): Agent => {
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    lookup: guarded(lookup ?? systemLookup, allows),
  })
  return new Agent({
    // The caller's signal bounds headers and body.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      // A host that is an address is not looked up.
      if (isIP(options.hostname) === 0 || allows(options.hostname)) return connect(options, callback)
      callback(new AddressRefusedError(options.hostname), null)
    },
  })
}

const guarded =
  (lookup: LookupFunction, allows: AllowsAddress): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = found as LookupAddress[]
      const allowed = addresses.filter(({ address }) => allows(address))
      const [first] = allowed
      if (first === undefined) return callback(new AddressRefusedError(addresses[0]?.address ?? 'none'), [])
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
