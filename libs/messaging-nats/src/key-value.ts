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

/** So often this asks whether the bucket is still the one that was opened. */
const checkEveryMs = 5_000

interface Bucket {
  readonly kv: KV
  /** When it was made: one that was deleted and made anew has another time. */
  readonly created: string
  /** Whether a removed key may leave the bucket after a while. */
  readonly forgetsRemovals: boolean
}

type Listener = Parameters<KeyValue['watch']>

/**
 * Opens a bucket of JetStream's key-value store by a `jetstream:` URL, and makes it where it is missing, also when somebody deletes it later: in
 * files, with as many replicas as the URL says. Rejects with MessagingUrlError, and with ConnectError, also where the server has no JetStream.
 */
export const openJetstreamKeyValue = async (
  given: string,
  name: string,
  options: OpenOptions = {},
): Promise<KeyValue> => {
  const { url, replicas } = jetstreamSettings(given)
  const { warn = (problem: string) => process.emitWarning(problem) } = options
  const connection = await openConnection(url, warn)
  try {
    await openJetstreamManager(connection, url.connectWaitMs)
    const kvm = new Kvm(jetstream(connection.nc))
    const life = bucketLife(() => openBucket(kvm, name, replicas), await openBucket(kvm, name, replicas), name, warn)
    if (!life.bucket.forgetsRemovals)
      warn(
        `the bucket ${name} was made by another program: each key that is removed leaves a mark there for ever. ` +
          `Let its stream have a time to live of messages (nats stream edit KV_${name} --allow-msg-ttl)`,
      )
    return {
      get: async (key) => {
        const entry = await life.bucket.kv.get(key)
        return entry?.operation === 'PUT' ? { value: entry.string(), revision: entry.revision } : undefined
      },
      put: (key, value, revision) => {
        const { kv } = life.bucket
        return written(key, revision === 0 ? kv.create(key, value) : kv.update(key, value, revision))
      },
      remove: async (key, revision) => {
        const { kv, forgetsRemovals } = life.bucket
        const ttl = forgetsRemovals ? { ttl: `${removalMs / 1_000}s` } : {}
        await written(key, kv.purge(key, { previousSeq: revision, ...ttl }))
      },
      watch: (...listener) => life.follow(listener),
      close: async () => {
        life.end()
        await connection.close()
      },
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

const openBucket = async (kvm: Kvm, name: string, replicas: number): Promise<Bucket> => {
  const kv = await kvm.create(name, { history: 1, replicas, markerTTL: removalMs })
  const { created, config } = (await kv.status()).streamInfo
  return { kv, created, forgetsRemovals: config.allow_msg_ttl === true }
}

/** Opens the bucket again when it was deleted, and follows it again when that ended. */
const bucketLife = (
  open: () => Promise<Bucket>,
  first: Bucket,
  name: string,
  warn: (problem: string) => void,
): { readonly bucket: Bucket; readonly follow: (listener: Listener) => Promise<void>; readonly end: () => void } => {
  let bucket = first
  let listener: Listener | undefined
  let stopWatch: (() => void) | undefined
  let hasEnded = false

  const follow = async (given: Listener) => {
    listener = given
    const stop = await watchAll(bucket.kv, given[0], (error) => {
      if (stopWatch !== stop || hasEnded) return
      stopWatch = undefined
      warn(`the bucket ${name} is not followed: ${error?.message ?? 'the watch ended'}; tried again`)
    })
    stopWatch = stop
  }
  const check = async () => {
    const now = await open()
    if (hasEnded) return
    const isNew = now.created !== bucket.created
    if (isNew) {
      warn(`the bucket ${name} was deleted, and is made anew`)
      bucket = now
      stopWatch?.()
      stopWatch = undefined
      listener?.[1]?.()
    }
    if (listener !== undefined && stopWatch === undefined) await follow(listener)
  }
  const checkLater = (): NodeJS.Timeout =>
    setTimeout(() => {
      // While the server is away the caller's own calls fail, and say so.
      void check()
        .catch(() => undefined)
        .then(() => {
          if (!hasEnded) timer = checkLater()
        })
    }, checkEveryMs).unref()
  let timer = checkLater()

  return {
    get bucket() {
      return bucket
    },
    follow,
    end: () => {
      hasEnded = true
      clearTimeout(timer)
      stopWatch?.()
    },
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
  kv: KV,
  onChange: Listener[0],
  onEnd: (error: Error | undefined) => void,
): Promise<() => void> => {
  const { values } = await kv.status()
  const iterator = await kv.watch()
  const caughtUp = Promise.withResolvers<void>()
  if (values === 0) caughtUp.resolve()
  const read = async () => {
    for await (const entry of iterator) {
      onChange(entry.key, valueOf(entry), entry.revision)
      if (entry.delta === 0) caughtUp.resolve()
    }
  }
  read().then(
    () => {
      caughtUp.reject(new Error('the watch of the bucket ended'))
      onEnd(undefined)
    },
    (error: unknown) => {
      caughtUp.reject(error)
      onEnd(error as Error)
    },
  )
  await caughtUp.promise
  return () => iterator.stop()
}

const valueOf = (entry: KvWatchEntry) =>
  entry.operation === 'PUT' ? { value: entry.string(), revision: entry.revision } : undefined
