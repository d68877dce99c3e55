import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createSearchClient } from '@armature/search-api/client'
import { marked } from '@armature/servers/leftovers'
import { type Program, startOnTerminal, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, expect, test, vi, onTestFinished } from 'vitest'

const cwd = join(import.meta.dirname, '../../..')
const limitMs = 120_000
const startDeadlineMs = 60_000
const mark = 'ARMATURE_START_TEST'
const callsAtOnce = 8

let run: string
let env: Record<string, string | undefined>
let program: Program
beforeEach(() => {
  run = randomUUID()
  env = { ...process.env, [mark]: run }
})
afterEach(async () => {
  await program.kill()
  for (const { pid } of marked(mark, run)) process.kill(pid, 'SIGKILL')
})

const nothingLeft = () => vi.waitFor(() => expect(marked(mark, run)).toEqual([]), { timeout: 10_000, interval: 50 })
const grpcAddress = async (): Promise<string> => {
  await program.until(/page +http:\/\/127\.0\.0\.1:\d+\r?$/m, startDeadlineMs)
  return (await program.until(/gRPC +(127\.0\.0\.1:\d+)\r?$/m))[1] ?? ''
}

/** Searches until the server is gone; resolves to how many were answered. */
const load = (address: string) => {
  const client = createSearchClient(address)
  const counts = { answered: 0 }
  const caller = async () => {
    for (;;) {
      await client.search({ point: { lat: 48.85, lng: 2.35 } })
      counts.answered += 1
    }
  }
  const callers = Promise.allSettled(Array.from({ length: callsAtOnce }, caller))
  return { counts, gone: callers.then(() => client.close()) }
}

test(
  'Ctrl-C on a terminal in the middle of work drains, exits 0 and leaves no process',
  { timeout: limitMs },
  async () => {
    program = startOnTerminal('exec npm start', { cwd, env })
    const { counts, gone } = load(await grpcAddress())
    await vi.waitFor(() => expect(counts.answered).toBeGreaterThan(callsAtOnce), { timeout: 10_000 })
    program.write('\x03')
    expect((await program.ended()).code).toBe(0)
    await gone
    await nothingLeft()
  },
)

test.each(['SIGINT', 'SIGTERM'] as const)(
  "%s to npm's own process drains, exits 0 and leaves no process",
  { timeout: limitMs },
  async (signal) => {
    program = startProgram('npm', ['start'], { cwd, env })
    const { counts, gone } = load(await grpcAddress())
    await vi.waitFor(() => expect(counts.answered).toBeGreaterThan(callsAtOnce), { timeout: 10_000 })
    program.signal(signal)
    expect((await program.ended()).code).toBe(0)
    await gone
    await nothingLeft()
  },
)

test('asked again after more than 500 ms it exits at once with 130', { timeout: limitMs }, async () => {
  program = startOnTerminal('exec npm start', { cwd, env })
  const address = await grpcAddress()
  // A peer that says nothing holds the drain up for a second.
  const silent = connect(Number(address.split(':')[1]), '127.0.0.1')
  silent.on('error', () => undefined)
  await new Promise((resolve) => silent.once('connect', resolve))
  const asking = setInterval(() => program.write('\x03'), 100)
  onTestFinished(() => clearInterval(asking))
  expect((await program.ended()).code).toBe(130)
  clearInterval(asking)
  silent.destroy()
  await nothingLeft()
})

test.each([
  ['a flag that there is not', ['--prvoe'], 64, /--prvoe[^]*--prove/],
  ['a value out of range', ['--grpc-port', '70000'], 64, /--grpc-port[^]*65,?535/],
])('%s ends the start and names the fix', { timeout: limitMs }, async (_name, flags, code, message) => {
  program = startProgram('npm', ['start', '--', ...flags], { cwd, env })
  expect((await program.ended(startDeadlineMs)).code).toBe(code)
  expect(program.output()).toMatch(message)
  await nothingLeft()
})

test('a port that is taken is named, with what to do', { timeout: limitMs }, async () => {
  const { createServer } = await import('node:net')
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  program = startProgram('npm', ['start', '--', `--page-port=${port}`], { cwd, env })
  expect((await program.ended(startDeadlineMs)).code).toBe(69)
  expect(program.output()).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}[^]*--page-port`))
  taken.close()
  await nothingLeft()
})
