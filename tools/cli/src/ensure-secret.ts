import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { keysOf, newValues, type SecretPlan } from './secret-plan.ts'

/** One Secret of a cluster. */
export interface SecretStore {
  /** `NAMESPACE/NAME`, for messages. */
  readonly place: string
  /** The keys that have a value. Undefined when there is no such Secret. */
  keys(): Promise<ReadonlySet<string> | undefined>
  /** `exists` when another made it meanwhile. */
  create(values: ReadonlyMap<string, string>): Promise<'made' | 'exists'>
}

/** A Secret that is removed each time between two looks at it is no reason to go on for ever. */
const maxRounds = 5

/**
 * Makes the Secret, unless it is there. A Secret that is there stays as it is, since a server may have its passwords already. Several may
 * do this at once: one makes it, the others find it. Rejects with ServiceError (78) when one that is there lacks a key, and with 75 when
 * it comes and goes.
 */
export const ensureSecret = async (store: SecretStore, plan: SecretPlan): Promise<'made' | 'kept'> => {
  for (let round = 1; round <= maxRounds; round++) {
    const found = await store.keys()
    if (found !== undefined) {
      refuseMissing(store.place, keysOf(plan), found)
      return 'kept'
    }
    if ((await store.create(newValues(plan))) === 'made') return 'made'
  }
  throw new ServiceError(`the Secret ${store.place} is made and removed by others, ${maxRounds} times in a row`, {
    exitCode: exitCodes.temporary,
    fix: 'Find what removes it, then try again',
  })
}

const refuseMissing = (place: string, wanted: readonly string[], found: ReadonlySet<string>): void => {
  const missing = wanted.filter((key) => !found.has(key))
  if (missing.length === 0) return
  const [namespace, name] = place.split('/')
  const [which, them] = missing.length === 1 ? [`key ${missing[0]}`, 'it'] : [`keys ${missing.join(', ')}`, 'them']
  throw new ServiceError(`the Secret ${place} is there and lacks the ${which}`, {
    exitCode: exitCodes.config,
    fix: `Add ${them} by \`kubectl -n ${namespace} edit secret ${name}\`. If no server uses its passwords yet, remove the Secret and try again`,
  })
}
