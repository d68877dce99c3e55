import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { fetchBounded } from './fetch-bounded.ts'

const serve = async (answer: RequestListener): Promise<string> => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const bounds = { timeoutMs: 5_000, maxAnswerBytes: 1_000 }

test('a redirect is not followed', async () => {
  let asked = 0
  const inner = await serve((_request, response) => {
    asked += 1
    response.end('secret')
  })
  const url = await serve((_request, response) => void response.writeHead(307, { location: inner }).end())
  await expect(fetchBounded(url, bounds)).rejects.toThrow('it answered 307, a redirect')
  expect(asked).toBe(0)
})

test('user and password of the URL are sent as Basic, and stand in no error', async () => {
  const url = await serve(({ headers }, response) => {
    response.statusCode = headers.authorization === `Basic ${Buffer.from('me:p@ss').toString('base64')}` ? 200 : 401
    response.setHeader('content-type', 'Text/Plain; charset=utf-8')
    response.end('good')
  })
  const withUser = (credentials: string) => url.replace('http://', `http://${credentials}@`)
  expect(await fetchBounded(withUser('me:p%40ss'), bounds)).toEqual({ text: 'good', contentType: 'text/plain' })
  const refused = await fetchBounded(withUser('me:wrong'), bounds).catch((error: unknown) => String(error))
  expect(refused).toContain('it answered 401')
  expect(refused).not.toContain('wrong')
})

test('an answer has its length and its time', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/long') response.end('x'.repeat(1_001))
    else response.write('begins')
  })
  await expect(fetchBounded(`${url}/long`, bounds)).rejects.toThrow('longer than 1000 bytes')
  await expect(fetchBounded(`${url}/slow`, { ...bounds, timeoutMs: 1_000 })).rejects.toThrow(
    'no whole answer within 1000 ms',
  )
})
