import { rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type Clock, drivenClock, systemClock } from '@armature/async/clock'
import { delivery } from '@armature/messaging/testing-delivery'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings } from '../src/config.ts'
import { createKubernetesApi } from '../src/kubernetes-api.ts'
import { createScaleAction, type ScaleOptions } from '../src/scale-action.ts'
import { type Answer, openKubernetesServer, refusal } from './kubernetes-server.ts'

const { log } = testTelemetry('test')
const allowed = ['deployment/worker:0-10', 'statefulset/worker:1-3', 'deployment/other:1-1']

const open = async (options: Partial<ScaleOptions> = {}, clock: Clock = systemClock()) => {
  const server = await openKubernetesServer()
  const api = createKubernetesApi({ host: '127.0.0.1', port: server.port, clock, folder: server.folder })
  const action = createScaleAction({ allowed, api })({
    ...{ target: 'deployment/worker', replicas: 5, deadlineMs: 30_000 },
    ...options,
  })
  const closing = new AbortController()
  const call = (given: Parameters<typeof delivery>[0] = {}) =>
    action({ message: delivery(given), signal: closing.signal, log })
  return { ...server, closing, call }
}

/** What `promise` fails with. */
const failure = (promise: Promise<void>) =>
  promise.then(
    () => new Error('it succeeded'),
    (error: unknown) => error as Error & { reason?: string },
  )

describe('a scale', () => {
  test('sets the replicas by a merge patch of the subresource, as the service account, and the same twice', async () => {
    const { call, seen, state } = await open()
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
    await call({ headers: { traceparent, authorization: 'Bearer forged' } })
    await call()
    expect(state.replicas).toBe(5)
    expect(seen).toHaveLength(2)
    expect(seen[0]).toMatchObject({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/shop/deployments/worker/scale',
      headers: {
        authorization: 'Bearer first-token',
        'content-type': 'application/merge-patch+json',
        traceparent,
      },
      body: '{"spec":{"replicas":5}}',
    })
  })

  test('scales a StatefulSet', async () => {
    const { call, seen } = await open({ target: 'statefulset/worker', replicas: 3 })
    await call()
    expect(seen[0]?.path).toBe('/apis/apps/v1/namespaces/shop/statefulsets/worker/scale')
  })

  test('to 0 succeeds, though the answer leaves the number out', async () => {
    const { call, state } = await open({ replicas: 0 })
    await call()
    expect(state.replicas).toBe(0)
  })

  test('is sent with the token that is in the file now', async () => {
    const { call, put, seen } = await open()
    await call()
    put('token', 'second-token\n')
    await call()
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer first-token', 'Bearer second-token'])
  })

  test('may take its number from the message, within the bounds', async () => {
    const { call, seen, state } = await open({ replicas: ({ body }) => Number(Buffer.from(body).toString()) })
    await call({ body: Buffer.from('10') })
    expect(state.replicas).toBe(10)
    for (const bad of ['11', '-1', '1.5', 'many', 'Infinity']) {
      expect(await failure(call({ body: Buffer.from(bad) }))).toMatchObject({
        name: 'UnrecoverableError',
        reason: 'scale-out-of-bounds',
        message: expect.stringMatching(/^deployment\/worker may not have .* replicas, only 0 to 10: /) as string,
      })
    }
    expect(seen).toHaveLength(1)
  })
})

describe('an answer', () => {
  test.each([
    [400, undefined],
    [401, /The token of the service account is not taken/],
    [
      403,
      /Role with apiGroups \[apps\], resources \[deployments\/scale\], resourceNames \[worker\], verbs \[get, patch\]/,
    ],
    [404, /Create the deployment worker there, or correct the target/],
    [422, undefined],
  ])('of %d is for good, and says why', async (code, fix) => {
    const { call, state } = await open()
    state.answer = refusal(code, 'Reason', 'said by the server')
    const error = await failure(call())
    expect(error).toMatchObject({ name: 'UnrecoverableError', reason: `scale-${code}` })
    expect(error.message).toContain(`in the namespace shop was not scaled to 5: the API server answered ${code}`)
    expect(error.message).toContain('said by the server')
    expect(error.message).toMatch(fix ?? /said by the server$/)
    expect(error.message).not.toContain('first-token')
  })

  test.each([408, 409, 425, 429, 500, 503, 504])('of %d is tried again', async (code) => {
    const { call, state } = await open()
    state.answer = refusal(code, 'Reason', 'not now')
    expect(await failure(call())).toMatchObject({
      name: 'Error',
      message: expect.stringMatching(new RegExp(`answered ${code}: not now$`)) as string,
    })
    state.answer = undefined
    await call()
    expect(state.replicas).toBe(5)
  })

  test('that redirects is not followed, and gets no token anywhere else', async () => {
    const elsewhere = await openKubernetesServer()
    const { call, state, seen } = await open()
    const location = `https://127.0.0.1:${elsewhere.port}/apis/apps/v1/namespaces/shop/deployments/worker/scale`
    state.answer = (response) => void response.writeHead(307, { location }).end()
    expect(await failure(call())).toMatchObject({
      reason: 'scale-307',
      message: expect.stringContaining('Redirects are not followed') as string,
    })
    expect([seen.length, elsewhere.seen.length]).toEqual([1, 0])
  })

  const endless = (response: ServerResponse): void => {
    response.on('error', () => undefined)
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    }
    response.on('drain', more)
    more()
  }
  const cases: readonly (readonly [string, Answer])[] = [
    ['is not JSON', (response) => void response.end('<html>welcome</html>')],
    ['is another object', (response) => void response.end('{"kind":"Deployment","spec":{"replicas":5}}')],
    ['is a Scale of another number', (response) => void response.end('{"kind":"Scale","spec":{"replicas":4}}')],
    ['is empty', (response) => void response.end()],
    ['has no end', endless],
  ]
  test.each(cases)('of 200 whose body %s is no success, and is tried again', async (_, answer) => {
    const { call, state } = await open()
    state.answer = answer
    expect(await failure(call())).toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/answered 200 without a Scale of that many replicas$/) as string,
    })
  })

  test('of a refusal says no more than 500 characters of it', async () => {
    const { call, state } = await open()
    state.answer = refusal(403, 'Forbidden', 'x'.repeat(5_000))
    const { message } = await failure(call())
    expect(message.match(/x{2,}/)?.[0]).toHaveLength(500)
  })

  const silent: Answer = () => undefined
  const stuck: Answer = (response) => {
    response.writeHead(200)
    response.write('{')
  }
  test.each([
    ['that does not come', silent],
    ['that does not end', stuck],
  ])('%s is given up at the deadline, and tried again', async (_, answer) => {
    const clock = drivenClock()
    const { call, state, seen } = await open({}, clock)
    state.answer = answer
    const failed = failure(call())
    await vi.waitFor(() => expect(seen).toHaveLength(1), 10_000)
    await clock.advance(30_000)
    expect(await failed).toMatchObject({
      name: 'Error',
      message: expect.stringMatching(/^the API server at 127\.0\.0\.1:\d+ did not answer within 30000 ms$/) as string,
    })
  })

  test('is not waited for when the subscription closes', async () => {
    const { call, state, seen, closing } = await open()
    state.answer = silent
    const failed = failure(call())
    await vi.waitFor(() => expect(seen).toHaveLength(1), 10_000)
    closing.abort(new Error('closing'))
    expect(await failed).toMatchObject({ message: 'closing' })
  })
})

describe('what cannot be asked fails, and is tried again:', () => {
  test('an API server that is not there', async () => {
    const { call, close } = await open()
    await close()
    expect(await failure(call())).toMatchObject({
      name: 'Error',
      message: expect.stringMatching(
        /^the API server at .* cannot be reached \(ECONNREFUSED\): let the pod reach it/,
      ) as string,
    })
  })

  test('a server that the cluster did not certify gets no token', async () => {
    const other = await openKubernetesServer({ isStranger: true })
    const { folder } = await openKubernetesServer()
    const api = createKubernetesApi({ host: '127.0.0.1', port: other.port, clock: systemClock(), folder })
    const action = createScaleAction({ allowed, api })({ target: 'deployment/worker', replicas: 5, deadlineMs: 30_000 })
    const { signal } = new AbortController()
    expect((await failure(action({ message: delivery(), signal, log }))).message).toMatch(
      /cannot be reached \((?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE)\): let the pod reach it/,
    )
    expect(other.seen).toEqual([])
  })

  test('a service account that is not mounted', async () => {
    const { call, folder } = await open()
    rmSync(join(folder, 'token'))
    expect((await failure(call())).message).toMatch(/token cannot be read \(ENOENT\): mount the service account/)
  })

  test('a process that is no pod', async () => {
    const config = settings.parse({ scaleAllow: allowed })
    const { kubernetesServiceHost: host, kubernetesServicePort: port } = config
    const api = createKubernetesApi({ host, port, clock: systemClock() })
    const action = createScaleAction({ allowed, api })({ target: 'deployment/worker', replicas: 5, deadlineMs: 30_000 })
    const { signal } = new AbortController()
    expect((await failure(action({ message: delivery(), signal, log }))).message).toMatch(
      /^KUBERNETES_SERVICE_HOST is not set: run the reactor in a pod/,
    )
  })
})

test.each([
  [[], 'deployment/worker', 5, /deployment\/worker may not be scaled: add deployment\/worker:MIN-MAX to SCALE_ALLOW/],
  [allowed, 'deployment/db', 5, /deployment\/db may not be scaled/],
  [allowed, 'deployment/worker/../db', 5, /may not be scaled/],
  [allowed, 'deployment/worker', 11, /may not have 11 replicas, only 0 to 10: change replicas, or the bounds/],
  [allowed, 'statefulset/worker', 0, /may not have 0 replicas, only 1 to 3/],
  [[...allowed, 'statefulset/worker:7-9'], 'statefulset/worker', 5, /only 1 to 3 or 7 to 9/],
])('with the rules %j, %s to %d is refused before anything is sent', (rules, target, replicas, problem) => {
  const api = { patch: () => Promise.reject(new Error('it was sent')) }
  const action = createScaleAction({ allowed: rules, api })
  expect(() => action({ target, replicas, deadlineMs: 1_000 })).toThrow(problem)
})

test('nothing may be scaled unless the settings say so, and a rule that is none is refused', () => {
  expect(settings.parse({}).scaleAllow).toEqual([])
  expect(() => settings.parse({ scaleAllow: ['deployment/worker'] })).toThrow(/is no rule of what may be scaled/)
})
