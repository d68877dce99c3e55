import { jetstream, JetStreamApiError } from '@nats-io/jetstream'
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { KeyValueConflict, type KeyValue } from '@armature/messaging/key-value'
import { openConnection } from './connection.ts'
import { openJetstreamManager } from './jetstream-connection.ts'
import { jetstreamSettings } from './jetstream-settings.ts'

/** A removal is remembered so long, for those who were away. */
const removalMs = 3_600_000
/** JetStream's errors of a write to a key that is at another revision. */
const conflictCodes = new Set([10071, 10164])

/**
 * Opens a bucket of JetStream's key-value store by a `jetstream:` URL, and makes it where it is missing: in files, with as many replicas as the
 * URL says. Rejects with MessagingUrlError, and with ConnectError, also where the server has no JetStream.
 */
export const openJetstreamKeyValue = async (
  given: string,
  name: string,
  options: OpenOptions = {},
): Promise<KeyValue> => {
  const { url, replicas } = jetstreamSettings(given)
  const { warn = (problem: string) => process.emitWarning(problem) } = options
  const connection = await openConnection(url, warn)
  await openJetstreamManager(connection, url.connectWaitMs)
  const client = jetstream(connection.nc)
  let closed = false
  let stopWatch: () => void = () => undefined
  try {
    const bucket = await new Kvm(client).create(name, { history: 1, replicas, markerTTL: removalMs })
    return {
      get: async (key) => {
        const entry = await bucket.get(key)
        return entry?.operation === 'PUT' ? { value: entry.string(), revision: entry.revision } : undefined
      },
      put: (key, value, revision) =>
        written(key, revision === 0 ? bucket.create(key, value) : bucket.update(key, value, revision)),
      remove: async (key, revision) => {
        await written(key, bucket.purge(key, { previousSeq: revision, ttl: `${removalMs / 1_000}s` }))
      },
      watch: async (onChange) => {
        stopWatch = await watchAll(bucket, onChange, (error) => {
          if (!closed) warn(`the bucket ${name} is not followed any more: ${error.message}`)
        })
      },
      close: async () => {
        if (closed) return
        closed = true
        stopWatch()
        await connection.close()
      },
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

const written = async <Result>(key: string, write: Promise<Result>): Promise<Result> => {
  try {
    return await write
  } catch (cause) {
    if (cause instanceof JetStreamApiError && conflictCodes.has(cause.code)) throw new KeyValueConflict(key, { cause })
    throw cause
  }
}

const watchAll = async (
  bucket: KV,
  onChange: Parameters<KeyValue['watch']>[0],
  onEnd: (error: Error) => void,
): Promise<() => void> => {
  const { values } = await bucket.status()
  const iterator = await bucket.watch()
  const caughtUp = Promise.withResolvers<void>()
  if (values === 0) caughtUp.resolve()
  const follow = async () => {
    for await (const entry of iterator) {
      onChange(entry.key, valueOf(entry), entry.revision)
      if (entry.delta === 0) caughtUp.resolve()
    }
  }
  follow().catch((error: unknown) => {
    caughtUp.reject(error)
    onEnd(error as Error)
  })
  await caughtUp.promise
  return () => iterator.stop()
}

const valueOf = (entry: KvWatchEntry) =>
  entry.operation === 'PUT' ? { value: entry.string(), revision: entry.revision } : undefined
