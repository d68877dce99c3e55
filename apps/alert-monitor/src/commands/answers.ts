import { userInfo } from 'node:os'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type * as z from 'zod'

/** An answer of the API. Throws ServiceError, exit code 69, for what is none. */
export const readAnswer = <Value>(schema: z.ZodType<Value>, value: unknown): Value => {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data
  throw new ServiceError("the answer is not one of Alertmanager's API, version 2", {
    exitCode: exitCodes.unavailable,
    fix: 'Name the address of a monitor by --url (env ALERTMANAGER_URL)',
    cause: error,
  })
}

/** `a=1 b=2` */
export const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** Who runs the command. */
export const ownName = (): string => {
  try {
    return userInfo().username
  } catch {
    // The user of a container may have no name.
    return 'unknown'
  }
}
