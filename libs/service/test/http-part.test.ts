import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, onTestFinished, test } from 'vitest'
import { createHttpPart } from '../src/http-part.ts'
import { sendText } from '../src/http-server.ts'

const open = async (answer: (path: string) => Promise<string>) => {
  const part = createHttpPart({
    name: 'shop',
    config: { apiHost: '127.0.0.1', apiPort: 0, httpAllowedHosts: [] },
    telemetry: testTelemetry(),
    answer: async (_request, response, url) => sendText(response, 200, await answer(url.pathname)),
  })
  await part.start()
  onTestFinished(() => part.close())
  return { part, url: part.addresses?.()[0]?.address ?? '' }
}

test('a request under way is answered before the drain ends, and its connection is closed', async () => {
  const arrived = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<string>()
  const { part, url } = await open((path) => {
    arrived.resolve()
    return path === '/slow' ? gate.promise : Promise.resolve('ok')
  })
  const slow = fetch(`${url}/slow`)
  await arrived.promise
  await part.stopIntake?.()
  const finished = part.finish?.()
  expect((await fetch(url)).headers.get('connection')).toBe('close')
  gate.resolve('done')
  expect(await (await slow).text()).toBe('done')
  await finished
  expect(part.ledger?.()).toMatchObject([{ stage: 'shop-http', received: 2, acked: 2, inFlight: 0 }])
})

test('a fault is answered with 500 without its text, and counted', async () => {
  const { part, url } = await open(() => Promise.reject(new Error('the password is secret')))
  const response = await fetch(url)
  expect([response.status, await response.text()]).toEqual([500, 'internal error\n'])
  expect(part.ledger?.()).toMatchObject([{ received: 1, acked: 1 }])
})
