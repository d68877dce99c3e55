import { expect, test } from 'vitest'
import { serverUrl, serverVariables, uniqueName } from './fixture.ts'

test('a variable that is set names the server, and nothing is started', async () => {
  expect(await serverUrl('nats', { NATS_URL: 'nats://elsewhere' })).toBe('nats://elsewhere')
  const env = { GRAPHITE_URL: 'http://elsewhere', STATSD_PORT: '8125' }
  expect(await serverVariables('graphite', env)).toMatchObject(env)
})

test('a run that keeps no servers says what to add', async () => {
  await expect(serverUrl('nats', { NATS_URL: '' })).rejects.toThrow(
    /^nats: this run keeps no servers: add globalSetup: '@armature\/servers\/global-setup' [^\n]+, or set NATS_URL$/,
  )
})

test('a suite that asks for a server although it is skipped is told how to be skipped', async () => {
  await expect(serverUrl('nats', { ARMATURE_SKIP: 'nats', NATS_URL: 'nats://x' })).rejects.toThrow(
    "nats is skipped by ARMATURE_SKIP: give this suite describe.skipIf(skipped('nats'))",
  )
})

test('a name is used once', () => {
  expect(uniqueName('topic')).toMatch(/^topic-[0-9a-f]{8}$/)
  expect(uniqueName('topic')).not.toBe(uniqueName('topic'))
})
