import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings } from '../src/config.ts'
import { loadHandlersFile } from '../src/handlers-file.ts'
import { createRecent } from '../src/recent.ts'

const load = async (text: string, name = 'handlers.mts') => {
  const folder = await mkdtemp(join(tmpdir(), 'armature-handlers-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, name)
  await writeFile(file, text)
  return loadHandlersFile(file, {
    config: settings.parse({ commandAllow: ['/bin/true'], scaleAllow: ['deployment/worker:1-10'] }),
    clock: drivenClock(),
    metrics: testTelemetry('test').metrics,
    handled: createRecent(1),
    onClose: () => undefined,
    stopping: new AbortController().signal,
  })
}

const names = async (text: string, name?: string) => (await load(text, name)).map(({ options }) => options.name)

describe('a file of handlers', () => {
  test.each([
    ['a function', `export const handlers = ({ on }) => [on('a', { name: 'one' }, () => {})]`],
    ['a function by default', `export default ({ on }) => [on('a', { name: 'one' }, () => {})]`],
    ['an async function', `export const handlers = async ({ on }) => [on('a', { name: 'one' }, () => {})]`],
    ['lists within the list', `export const handlers = ({ on }) => [[on('a', { name: 'one' }, () => {})]]`],
  ])('exports %s', async (_, text) => {
    expect(await names(text)).toEqual(['one'])
  })

  test('may have types, schemas, and actions of all kinds', async () => {
    const text = `
      type Tools = any
      export const handlers = ({ on, z, webhook, command, grpc, scale, publishTo, jsonMessage }: Tools): unknown[] => [
        on('alerts.>', { name: 'post', schema: z.object({ n: z.number() }) }, webhook({ url: 'https://hooks.example/' })),
        on('alerts.>', { name: 'run' }, command({ path: '/bin/true', deadlineMs: 1_000 })),
        on('alerts.>', { name: 'call' }, grpc({ target: '127.0.0.1:1', method: '/a.B/C', deadlineMs: 1_000 })),
        on('alerts.>', { name: 'grow' }, scale({ target: 'deployment/worker', replicas: 3, deadlineMs: 1_000 })),
        on('alerts.>', { name: 'copy' }, publishTo('copies')),
        on('alerts.>', { name: 'reply' }, ({ data }: Tools) => jsonMessage('replies', data)),
      ]`
    expect(await names(text)).toEqual(['post', 'run', 'call', 'grow', 'copy', 'reply'])
  })

  test.each([
    ['is not JavaScript', 'export const handlers = [', /cannot be run \(.*\)\. Correct the file/],
    ['throws', `throw new Error('canary')`, /cannot be run \(canary\)/],
    ['exports something else', 'export const handler = []', /exports no handlers\. Write: export const handlers/],
    ['has no list', 'export const handlers = () => 7', /has handlers that are no list/],
    ['has something else in its list', `export const handlers = [{ topic: 'a' }]`, /something at 0 in its list/],
    [
      'names two handlers the same',
      `export const handlers = ({ on }) => ['a', 'b'].map((topic) => on(topic, { name: 'one' }, () => {}))`,
      /two handlers named one, which would share a consumer group/,
    ],
    [
      'has a bad option',
      `export const handlers = ({ on }) => [on('a', { name: 'X' }, () => {})]`,
      /failed \(a handler is named "X"/,
    ],
    [
      'runs a program that is not allowed',
      `export const handlers = ({ on, command }) => [on('a', { name: 'x' }, command({ path: '/bin/sh', deadlineMs: 1 }))]`,
      /\/bin\/sh is not allowed/,
    ],
    [
      'scales what is not allowed',
      `export const handlers = ({ on, scale }) => [on('a', { name: 'x' }, scale({ target: 'deployment/db', replicas: 0, deadlineMs: 1 }))]`,
      /deployment\/db may not be scaled: add deployment\/db:MIN-MAX to SCALE_ALLOW/,
    ],
  ])('that %s is refused, and named', async (_, text, problem) => {
    const failed = load(text)
    await expect(failed).rejects.toMatchObject({ name: 'ServiceError', exitCode: 78 })
    const error = await failed.catch((reason: unknown) => reason as Error & { fix: string })
    expect(`${(error as Error).message}. ${(error as { fix: string }).fix}`).toMatch(problem)
    expect((error as Error).message).toContain('handlers.mts')
  })

  test('that is not there is refused', async () => {
    await expect(load('', '../nowhere/x.ts')).rejects.toThrow(/ENOENT|nowhere/)
  })
})
