import { RESP_TYPES, type createClient, type RedisArgument } from '@redis/client'

/** A client of node-redis. It connects once: a connection that is lost gets another client. */
export type RedisClient = ReturnType<typeof createClient>

/** The name of a command and its arguments. */
export type RedisCommand = readonly RedisArgument[]

/** Replies with bytes for texts, and maps as flat lists. */
export const binaryReplies = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } } as const

/** Replies with maps as flat lists, as in RESP2. */
export const listReplies = { typeMapping: { [RESP_TYPES.MAP]: Array } } as const

/** Sends commands in one write. Rejects with the first error, whatever the other commands answered. */
export const pipelined = (client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown> => {
  const batch = client.multi()
  for (const command of commands) batch.addCommand(command as RedisArgument[])
  return batch.execAsPipeline()
}
