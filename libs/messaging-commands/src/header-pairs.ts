import { usageError } from './broker-command.ts'

/** Headers from `NAME=VALUE` each; names in lower case. Throws ServiceError (64) for what is no pair. */
export const headerPairs = (pairs: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    pairs.map((pair) => {
      const [, name, value] = /^([^=\s\p{Cc}]+)=([^\p{Cc}]*)$/u.exec(pair.trim()) ?? []
      if (name === undefined || value === undefined)
        throw usageError(`${JSON.stringify(pair.slice(0, 80))} is no header`, 'Write NAME=VALUE')
      return [name.toLowerCase(), value]
    }),
  )
