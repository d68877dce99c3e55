import { serverNames } from '@armature/servers/kinds'
import { expect, test } from 'vitest'
import { startServers } from './start-servers.ts'

const started = async (skipped: readonly string[], env: Record<string, string>, refuse: readonly string[] = []) => {
  const asked: string[] = []
  const said: string[] = []
  const ask = async (name: string) => {
    asked.push(name)
    if (refuse.includes(name)) throw new Error('install it')
    return { name } as never
  }
  await startServers({ ask }, skipped, env, (line) => said.push(line))
  return { asked: asked.sort(), said }
}

test('all servers are started', async () => {
  expect((await started([], {})).asked).toEqual([...serverNames].sort())
})

test('one that is skipped, or that runs elsewhere, is not', async () => {
  const { asked } = await started(['kafka'], { NATS_URL: 'nats://elsewhere', REDIS_URL: '' })
  expect(asked).not.toContain('kafka')
  expect(asked).not.toContain('nats')
  expect(asked).toContain('redis')
})

test('one that cannot be had is reported and holds up no other', async () => {
  const { asked, said } = await started([], {}, ['consul'])
  expect(asked).toEqual([...serverNames].sort())
  expect(said).toContain('consul: install it')
})
