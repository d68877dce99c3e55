import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import type { RunningRabbitmq } from '@armature/servers/rabbitmq'
import type { Driver } from '@armature/messaging/ports'
import { Connection } from 'rabbitmq-client'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import type { CuttableDriver, KillableDriver } from '@armature/messaging-kit/conformance-fixture'
import { cutProxy } from '@armature/servers/cut-proxy'

/** The URL with more options. */
export const withOptions = (url: string, options: Readonly<Record<string, string | number>>): string => {
  const query = new URLSearchParams(
    Object.entries(options).map(([name, value]): [string, string] => [name, String(value)]),
  )
  return `${url}${url.includes('?') ? '&' : '?'}${query.toString()}`
}

/** A driver whose connections end as by the death of its process. */
export const killableAmqp = async (url: string): Promise<KillableDriver> => {
  const proxy = await cutProxy(url)
  const driver = await openAmqp(proxy.url, { warn: () => undefined })
  return { driver, kill: () => proxy.cut() }
}

/** A driver whose connections can be broken off again and again. */
export const cuttableAmqp = async (url: string): Promise<CuttableDriver> => {
  const proxy = await cutProxy(url)
  return { driver: await openAmqp(proxy.url, { warn: () => undefined }), cut: () => proxy.breakOff() }
}

/**
 * RabbitMQ 3.10 writes the name of a new quorum queue to the disk up to three seconds after it confirmed the queue, and a node that is killed
 * before has lost it. This writes the names now.
 */
export const writeQueueNames = async ({ control }: Pick<RunningRabbitmq, 'control'>): Promise<void> => {
  await control('eval', '[dets:sync(Table) || Table <- dets:all()].')
}

/** Returns a function that keeps a driver which a test opened: it is closed after the test. */
export const keptDrivers = (): (<Opened extends Driver>(driver: Opened) => Opened) => {
  const open: Driver[] = []
  afterEach(async () => {
    await Promise.all(open.splice(0).map((driver) => driver.close()))
  })
  return (driver) => {
    open.push(driver)
    return driver
  }
}

interface SharedRabbitmq {
  readonly url: string
  /** The client of another program. */
  readonly outside: Connection
}

/** The server that the whole run shares, and a client of it as another program has one. Both are there once `beforeAll` has run. */
export const sharedRabbitmq = (): SharedRabbitmq => {
  let url = ''
  let outside: Connection | undefined
  beforeAll(async () => {
    url = await serverUrl('rabbitmq')
    outside = new Connection(url)
  }, serverDeadlineMs)
  afterAll(() => outside?.close())
  return {
    get url() {
      return url
    },
    get outside() {
      if (outside === undefined) throw new Error('ask for it in a test: there is no client before beforeAll')
      return outside
    },
  }
}
