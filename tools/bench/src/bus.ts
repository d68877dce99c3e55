import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createEventBus } from '@armature/event-bus/event-bus'
import { kept } from '@armature/servers/cache'
import { EventEmitter } from 'eventemitter3'
import mitt from 'mitt'
import { type Contender, compare, table, timed } from './compare.ts'

const events = 200_000
const executors = 8
const installDeadlineMs = 120_000

/** One topic, one subscriber. Emitters call it at once; the buses queue the event and an executor calls it. */
export const bus = async (): Promise<string> => {
  const python = await startGeeteventbus()
  try {
    return table(
      `In-process bus, ${events.toLocaleString('en')} events to one subscriber`,
      await compare([
        { name: 'EventBus, dispatch', run: () => timed(events, dispatched) },
        { name: 'EventBus, dispatch with a key', run: () => timed(events, dispatchedByKey) },
        { name: 'EventBus, dispatchSync', run: () => timed(events, dispatchedSync) },
        { name: 'EventEmitter3', run: () => timed(events, emitted) },
        { name: 'mitt', run: () => timed(events, emittedByMitt) },
        python.contender,
      ]),
    )
  } finally {
    python.process.kill()
  }
}

interface Events {
  topic: number
}

const counted = () => {
  const { promise: done, resolve } = Promise.withResolvers<void>()
  let count = 0
  return {
    done,
    subscriber: () => {
      count += 1
      if (count === events) resolve()
    },
  }
}

const openBus = (subscriber: () => void) => {
  const opened = createEventBus<Events>({
    executors,
    onFault: ({ kind }) => {
      throw new Error(`the bus reported ${kind}`)
    },
  })
  opened.subscribe('topic', subscriber)
  return opened
}

const dispatched = async (): Promise<void> => {
  const { done, subscriber } = counted()
  const opened = openBus(subscriber)
  for (let number = 0; number < events; number += 1) await opened.dispatch('topic', number)
  await done
  await opened.close()
}

const keys = Array.from({ length: 16 }, (_, index) => ({ key: `key-${index}` }))

const dispatchedByKey = async (): Promise<void> => {
  const { done, subscriber } = counted()
  const opened = openBus(subscriber)
  for (let number = 0; number < events; number += 1) await opened.dispatch('topic', number, keys[number % keys.length])
  await done
  await opened.close()
}

const dispatchedSync = async (): Promise<void> => {
  const { done, subscriber } = counted()
  const opened = openBus(subscriber)
  for (let number = 0; number < events; number += 1) void opened.dispatchSync('topic', number)
  await done
  await opened.close()
}

const emitted = async (): Promise<void> => {
  const { done, subscriber } = counted()
  const emitter = new EventEmitter()
  emitter.on('topic', subscriber)
  for (let number = 0; number < events; number += 1) emitter.emit('topic', number)
  await done
}

/** mitt's types are those of its CommonJS form; what Node loads is the ES module. */
const createMitt = mitt as unknown as (typeof mitt)['default']

const emittedByMitt = async (): Promise<void> => {
  const { done, subscriber } = counted()
  const emitter = createMitt<{ topic: number }>()
  emitter.on('topic', subscriber)
  for (let number = 0; number < events; number += 1) emitter.emit('topic', number)
  await done
}

/** geeteventbus 1.0 in a Python of its own, which times itself; asked once a round. */
const startGeeteventbus = async (): Promise<{ process: ChildProcess; contender: Contender }> => {
  const folder = await kept('geeteventbus-1.0', { deadlineMs: installDeadlineMs }, async (draft) => {
    await promisify(execFile)('python3', ['-m', 'venv', draft])
    await promisify(execFile)(join(draft, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', 'geeteventbus==1.0'])
  })
  const script = fileURLToPath(new URL('bus.py', import.meta.url))
  const child = spawn(join(folder, 'bin', 'python'), [script, String(events), String(executors)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const run = async () => {
    child.stdin.write('\n')
    const [rate] = (await once(lines, 'line')) as [string]
    return Number(rate)
  }
  return { process: child, contender: { name: `geeteventbus 1.0 (Python), ${executors} executors`, run } }
}
