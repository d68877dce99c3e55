import { expect, test, vi } from 'vitest'
import { supervisor as supervisorOf } from './supervisor.ts'
import type { ServerKind } from './server.ts'
import type { KeptServer } from './source.ts'

const kind = (name: string): ServerKind => ({
  name,
  variable: `${name.toUpperCase()}_URL`,
  remedy: 'none',
  container: { image: 'none:1', port: 1, ready: /x/, url: () => '' },
  start: () => Promise.reject(new Error('not used')),
})

/** A supervisor whose servers start when the test says so. */
const scene = () => {
  const starts: { name: string; done: (server: KeptServer) => void; fail: (fault: Error) => void }[] = []
  const stopped: string[] = []
  const interrupted: string[] = []
  const supervisor = supervisorOf(
    { one: kind('one'), two: kind('two') },
    {
      start: ({ name }) =>
        new Promise((done, fail) => {
          starts.push({ name, done, fail })
        }),
      interrupt: (name) => void interrupted.push(name),
      logOf: (name) => `/dev/null/${name}`,
    },
  )
  const server = (name: string, variables = {}): KeptServer => ({
    url: `${name}://here`,
    variables,
    stop: async () => void stopped.push(name),
  })
  return { supervisor, starts, stopped, interrupted, server }
}

test('a server starts once for all who ask, and its variables are told', async () => {
  const { supervisor, starts, server } = scene()
  const asked = [supervisor.ask('one'), supervisor.ask('one')]
  expect(supervisor.list()).toMatchObject([{ name: 'one', state: 'starting' }])
  expect(starts).toHaveLength(1)
  starts[0]?.done(server('one', { ONE_PORT: '7' }))
  for (const told of [...(await Promise.all(asked)), await supervisor.ask('one')]) {
    expect(told).toMatchObject({ state: 'running', variables: { ONE_URL: 'one://here', ONE_PORT: '7' } })
  }
  expect(starts).toHaveLength(1)
})

test('one that failed says why in one line, and is tried again at the next ask', async () => {
  const { supervisor, starts, server } = scene()
  const asked = supervisor.ask('one')
  starts[0]?.fail(new Error('no room\nand more'))
  await expect(asked).rejects.toThrow('no room')
  expect(supervisor.list()).toMatchObject([{ name: 'one', state: 'failed', reason: 'no room' }])
  const again = supervisor.ask('one')
  starts[1]?.done(server('one'))
  expect(await again).toMatchObject({ state: 'running' })
})

test('servers start at the same time, one behind no other', async () => {
  const { supervisor, starts, server } = scene()
  void supervisor.ask('one')
  const two = supervisor.ask('two')
  starts[1]?.done(server('two'))
  expect(await two).toMatchObject({ name: 'two' })
  expect(supervisor.list().map(({ state }) => state)).toEqual(['starting', 'running'])
})

test('one that runs with another number of nodes is refused; who says none takes it as it is', async () => {
  const { supervisor, starts, server } = scene()
  const asked = supervisor.ask('one', 3)
  starts[0]?.done(server('one'))
  expect(await asked).toMatchObject({ nodes: 3 })
  await expect(supervisor.ask('one', 1)).rejects.toThrow('one runs already, with 3 nodes: end it first (down one)')
  expect(await supervisor.ask('one')).toMatchObject({ nodes: 3 })
})

test('one that is stopped while it starts is interrupted until that is over, and who asked is told', async () => {
  const { supervisor, starts, stopped, interrupted, server } = scene()
  const asked = supervisor.ask('one')
  const stop = supervisor.stop('one')
  await vi.waitFor(() => expect(interrupted).toEqual(['one', 'one']))
  starts[0]?.done(server('one'))
  await stop
  await expect(asked).rejects.toThrow('one was stopped while it started')
  expect(stopped).toEqual(['one'])
  expect(supervisor.list()).toEqual([])
})

test('one that runs is stopped without being interrupted', async () => {
  const { supervisor, starts, stopped, interrupted, server } = scene()
  const asked = supervisor.ask('one')
  starts[0]?.done(server('one'))
  await asked
  await supervisor.stop('one')
  expect({ stopped, interrupted }).toEqual({ stopped: ['one'], interrupted: [] })
})

test('the end ends all, those that start too, and then nothing starts any more', async () => {
  const { supervisor, starts, stopped, server } = scene()
  const one = supervisor.ask('one')
  starts[0]?.done(server('one'))
  await one
  const two = supervisor.ask('two').catch(() => 'refused')
  const end = supervisor.end()
  await vi.waitFor(() => expect(stopped).toEqual(['one']))
  starts[1]?.done(server('two'))
  await end
  expect(await two).toBe('refused')
  expect(stopped).toEqual(['one', 'two'])
  await expect(supervisor.ask('one')).rejects.toThrow('being ended')
  expect(starts).toHaveLength(2)
})

test('an unknown name is refused', async () => {
  await expect(scene().supervisor.ask('three')).rejects.toThrow('No such server: three.')
})
