import { openSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Driver, Handler } from '@armature/messaging/ports'

/**
 * A consumer in a process of its own: appends the id of each message to a file, a line each, and acknowledges it then. Arguments: the
 * module that opens the driver and the name of its function, the driver's URL, topic, group, file, after how many lines it kills itself with messages in hand (0 = never), and `acks-first` for one that
 * acknowledges before it writes, as none should.
 */
const [module = '', open = '', url = '', topic = '', group = '', path = '', diesAfter = '0', mode = ''] =
  process.argv.slice(2)
const file = openSync(path, 'a')
/** A sink takes its time, so that there is always something read and not written. */
const writeMs = 100
const maxInFlight = 5_000
/** In hand when it dies. */
const leastInHand = 100
let waiting: string[] = []
let writing: Promise<void> | undefined
let lines = 0

const write = (): Promise<void> => (writing ??= pause(writeMs).then(writeNow))

const writeNow = async (): Promise<void> => {
  const isDue = Number(diesAfter) > 0 && lines >= Number(diesAfter)
  if (isDue && waiting.length >= leastInHand) await die()
  writeSync(file, waiting.join(''))
  lines += waiting.length
  waiting = []
  writing = undefined
}

const die = async (): Promise<void> => {
  // A broker may never read what a process sent just before its death.
  if (mode === 'acks-first') await driver.close()
  process.kill(process.pid, 'SIGKILL')
}

const handle: Handler = async ({ id }) => {
  waiting.push(`${id}\n`)
  const written = write()
  if (mode !== 'acks-first') await written
}

const opener = (await import(module)) as Record<string, (url: string) => Promise<Driver>>
const openDriver = opener[open]
if (openDriver === undefined) throw new Error(`${module} exports no ${open}`)
const driver = await openDriver(url)
await driver.subscribe(topic, handle, { group, from: 'earliest', maxInFlight })
process.stdout.write('reading\n')
