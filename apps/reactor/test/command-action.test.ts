import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { drivenClock, systemClock, type Clock } from '@armature/async/clock'
import { delivery } from '@armature/messaging/testing-delivery'
import { startProgram } from '@armature/servers/program'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { createCommandAction } from '../src/command-action.ts'

/** A program of these lines of shell, in a folder of its own. */
const program = async (lines: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'armature-command-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'program')
  await writeFile(path, `#!/bin/sh\n${lines}\n`)
  await chmod(path, 0o755)
  return { folder, path }
}

const { log } = testTelemetry('test')

const run = async (lines: string, given: Parameters<typeof delivery>[0] = {}, clock: Clock = systemClock()) => {
  const { folder, path } = await program(lines)
  const closing = new AbortController()
  const action = createCommandAction({ allowed: [path], clock })({ path, args: ['--fixed', 'a b'], deadlineMs: 30_000 })
  const message = delivery(given)
  return { folder, path, closing, done: action({ message, signal: closing.signal, log }) }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The id that the program wrote to a file. */
const pidIn = async (folder: string): Promise<number> => {
  let pid = NaN
  await vi.waitFor(async () => {
    pid = Number.parseInt(await readFile(join(folder, 'pid'), 'utf8'), 10)
    expect(pid).toBeGreaterThan(0)
  }, 10_000)
  onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')))
  return pid
}

describe('a command', () => {
  test('gets the body, its arguments and the attributes, and nothing of the environment of the reactor', async () => {
    const { folder, done } = await run('cd "$(dirname "$0")"; cat > body; printf "%s|" "$@" > args; env > env', {
      id: 'm1',
      topic: 'alerts.cpu',
      headers: { type: 'a; touch x', traceparent: '00-1-2-3', 'x-own': '$(touch y)', 'bad name': 'z' },
      body: Buffer.from('body `touch z`'),
    })
    await done
    expect(await readFile(join(folder, 'body'), 'utf8')).toBe('body `touch z`')
    expect(await readFile(join(folder, 'args'), 'utf8')).toBe('--fixed|a b|')
    const env = (await readFile(join(folder, 'env'), 'utf8')).split('\n')
    expect(env).toEqual(
      expect.arrayContaining(['CE_ID=m1', 'CE_TOPIC=alerts.cpu', 'CE_TYPE=a; touch x', 'CE_X_OWN=$(touch y)']),
    )
    expect(env).toContain('TRACEPARENT=00-1-2-3')
    expect(env.filter((line) => /^(HOME|VITEST|NODE)/.test(line))).toEqual([])
  })

  test.each([
    [0, undefined, undefined],
    [1, 'Error', /the command \/\S+ ended with 1: oops/],
    [65, 'UnrecoverableError', /ended with 65: oops/],
    [75, 'Error', /ended with 75: oops/],
  ])('that ends with %d fails as %s', async (code, name, problem) => {
    const { done } = await run(`echo oops >&2; exit ${code}`)
    if (name === undefined) await done
    else await expect(done).rejects.toMatchObject({ name, message: expect.stringMatching(problem ?? /^/) as string })
  })

  test('that reads nothing, and one that floods its output, are no trouble', async () => {
    await (
      await run('exit 0', { body: Buffer.alloc(4_000_000) })
    ).done
    const { done } = await run('head -c 50000000 /dev/zero | tr "\\0" x; echo >&2; exit 1')
    const error = await done.then(
      () => new Error('it succeeded'),
      (failure: unknown) => failure as Error,
    )
    expect(error.message).toMatch(/^the command \S+ ended with 1: x+$/)
    expect(error.message.length).toBeLessThan(5_000)
  })

  test('that takes too long is killed with all that it started', async () => {
    const clock = drivenClock()
    const { folder, done } = await run('cd "$(dirname "$0")"; sleep 600 & echo $! > pid; trap "" TERM; wait', {}, clock)
    const pid = await pidIn(folder)
    const failed = expect(done).rejects.toThrow(/took longer than 30000 ms and was killed/)
    await clock.advance(29_999)
    expect(isAlive(pid)).toBe(true)
    await clock.advance(1)
    await failed
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000)
  })

  test('that ends leaves nothing running behind', async () => {
    const { folder, done } = await run('cd "$(dirname "$0")"; sleep 600 >/dev/null 2>&1 & echo $! > pid')
    const pid = await pidIn(folder)
    await done
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000)
  })

  test('is killed when the subscription closes', async () => {
    const { folder, done, closing } = await run('cd "$(dirname "$0")"; echo $$ > pid; sleep 600')
    const pid = await pidIn(folder)
    closing.abort(new Error('closing'))
    await expect(done).rejects.toThrow('closing')
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000)
  })

  test('that is not there fails', async () => {
    const action = createCommandAction({ allowed: ['/nowhere/x'], clock: systemClock() })({
      path: '/nowhere/x',
      deadlineMs: 1_000,
    })
    const { signal } = new AbortController()
    await expect(action({ message: delivery(), signal, log })).rejects.toThrow(/cannot be run: .*ENOENT/)
  })
})

test('bug: a command that could not be started for want of file descriptors ended the whole process', async () => {
  const program = fileURLToPath(new URL('crowded-program.ts', import.meta.url))
  const running = startProgram('/bin/sh', [
    '-c',
    'ulimit -n 100; exec "$0" "$@"',
    process.execPath,
    program,
    '/bin/true',
  ])
  onTestFinished(() => running.kill())
  expect(await running.ended()).toMatchObject({ code: 0 })
  expect(running.output()).toContain('Error: the command cannot be run: spawn /bin/true EMFILE')
})

test.each([
  ['/bin/echo', /the command \/bin\/echo is not allowed: add it to COMMAND_ALLOW/],
  ['/bin/../bin/true', /no absolute path/],
  ['true', /no absolute path/],
  ['/bin/true ', /is not allowed/],
])('%j is refused before anything runs', (path, problem) => {
  const action = createCommandAction({ allowed: ['/bin/true'], clock: systemClock() })
  expect(() => action({ path, deadlineMs: 1_000 })).toThrow(problem)
})
