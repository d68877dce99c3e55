import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { filledTemplate, placesOf } from './secret-plan.ts'

/** The Secret that is copied from. */
export interface SourceSecret {
  /** `NAMESPACE/NAME`, for messages. */
  readonly place: string
  /** Undefined when there is no such Secret. */
  values(): Promise<ReadonlyMap<string, string> | undefined>
}

/** The Secret that is made of it. */
export interface TargetSecret extends SourceSecret {
  /** `exists` when another made it meanwhile. */
  create(values: ReadonlyMap<string, string>): Promise<'made' | 'exists'>
  /** Takes the values instead of those that are there. `changed` when another changed or removed it meanwhile. */
  replace(values: ReadonlyMap<string, string>): Promise<'replaced' | 'changed'>
}

const maxRounds = 5

/**
 * Makes a Secret of the values of another, and makes it anew when they have changed. Rejects with ServiceError (78) when the source is not there or
 * lacks a key, and with 75 when others change the target all the time.
 */
export const copySecret = async (
  source: SourceSecret,
  target: TargetSecret,
  templates: ReadonlyMap<string, string>,
): Promise<'made' | 'replaced' | 'kept'> => {
  for (let round = 1; round <= maxRounds; round++) {
    const values = filled(templates, source.place, await source.values())
    const there = await target.values()
    if (there === undefined) {
      if ((await target.create(values)) === 'made') return 'made'
    } else {
      if (isSame(values, there)) return 'kept'
      if ((await target.replace(values)) === 'replaced') return 'replaced'
    }
  }
  throw new ServiceError(`the Secret ${target.place} is changed by others, ${maxRounds} times in a row`, {
    exitCode: exitCodes.temporary,
    fix: 'Find what changes it, then try again',
  })
}

const isSame = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean =>
  one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)

/**
 * A template that is one key alone is the value as it is. Within a text the value stands percent-encoded, as a URL needs it.
 */
const filled = (
  templates: ReadonlyMap<string, string>,
  place: string,
  source: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> => {
  const [namespace, name] = place.split('/')
  const wanted = [...new Set([...templates.values()].flatMap(placesOf))]
  const missing = wanted.filter((key) => (source?.get(key) ?? '') === '')
  if (missing.length > 0) {
    const literals = wanted.map((key) => ` --from-literal=${key}=...`).join('')
    const lacks = `lacks the ${missing.length === 1 ? 'key' : 'keys'} ${missing.join(', ')}`
    throw new ServiceError(source === undefined ? `there is no Secret ${place}` : `the Secret ${place} ${lacks}`, {
      exitCode: exitCodes.config,
      fix:
        source === undefined
          ? `Make it by \`kubectl -n ${namespace} create secret generic ${name}${literals}\`, or name another`
          : `Add what it lacks by \`kubectl -n ${namespace} edit secret ${name}\`, or name another`,
    })
  }
  const valueOf = (key: string): string => source?.get(key) ?? ''
  return new Map(
    [...templates].map(([key, template]) => {
      const whole = /^\{([-._a-zA-Z0-9]+)\}$/.exec(template)?.[1]
      const text =
        whole === undefined ? filledTemplate(template, (each) => encodeURIComponent(valueOf(each))) : valueOf(whole)
      return [key, text]
    }),
  )
}
